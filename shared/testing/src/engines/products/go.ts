import type { InstallTools } from '../definition.ts';

/** Builds one program, without debugging symbols; only its binary is kept. */
export async function goInstall(draft: string, module: string, tools: InstallTools): Promise<void> {
  const args = ['install', '-ldflags=-s -w', module];
  await tools.run('go', args, 'Go 1.26 or newer', { env: { GOBIN: draft } });
}
