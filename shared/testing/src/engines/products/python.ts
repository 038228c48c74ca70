import { existsSync } from 'node:fs';
import type { InstallTools } from '../definition.ts';

/** Debian's own first: one below root's home can't be used by the user that engines run as. */
export function python(): string {
  return existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3';
}

/** Installs exactly these packages, without what they would pull in, as wheels into a folder. */
export async function pipInstall(draft: string, packages: readonly string[], tools: InstallTools): Promise<void> {
  const quiet = ['--quiet', '--disable-pip-version-check', '--no-compile', '--no-deps'];
  const args = ['-m', 'pip', 'install', ...quiet, '--target', draft, ...packages];
  await tools.run(python(), args, 'Python 3.11 or newer with pip (Debian: python3-pip)');
}
