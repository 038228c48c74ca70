/** Packages of Debian's unstable branch, unpacked into a folder: what the stable branch has only in an older version. */
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { InstallTools } from './definition.ts';

const keys = '/usr/share/keyrings/debian-archive-keyring.gpg';
const source = `deb [signed-by=${keys}] http://deb.debian.org/debian sid main\n`;

/** Settings under which apt knows this folder only: no package of the system changes, and none counts as there. */
function aptOptions(folder: string): string[] {
  const settings = {
    'Dir::Etc::sourcelist': `${folder}/sources.list`,
    'Dir::Etc::sourceparts': '-',
    'Dir::State': `${folder}/state`,
    'Dir::State::status': `${folder}/status`,
    'Dir::Cache': `${folder}/cache`,
    'APT::Sandbox::User': 'root',
    'APT::Install-Recommends': 'false',
    // Machines with hooks of their own around apt mean the system's packages.
    'APT::Update::Post-Invoke-Success': '',
  };
  return Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
}

/**
 * Unpacks a package into `draft/root` and configures nothing.
 *
 * @param what the package, and whether all that it needs comes along
 * @param needs what is told that the machine lacks where apt fails
 */
export async function unpackDebian(
  draft: string,
  tools: InstallTools,
  { name, alone }: { readonly name: string; readonly alone: boolean },
  needs: string,
): Promise<void> {
  const apt = join(draft, 'apt');
  const archives = join(apt, 'cache', 'archives');
  for (const folder of ['state/lists/partial', 'cache/archives/partial']) {
    await mkdir(join(apt, folder), { recursive: true });
  }
  await writeFile(join(apt, 'sources.list'), source);
  await writeFile(join(apt, 'status'), '');
  const quiet = [...aptOptions(apt), '-qq'];
  const download = alone ? ['download', name] : ['-y', '--download-only', 'install', name];
  await tools.run('apt-get', [...quiet, 'update'], needs);
  await tools.run('apt-get', [...quiet, ...download], needs, { cwd: archives });
  const files = (await readdir(archives)).filter((file) => file.endsWith('.deb'));
  for (const file of files) await tools.run('dpkg-deb', ['-x', join(archives, file), join(draft, 'root')], needs);
  await rm(apt, { recursive: true });
}
