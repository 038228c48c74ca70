/** Data directories of versions in tests: on real engines with their addresses, as `npm run engines -- up` writes them. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TemporaryDirectory, temporaryDirectory } from '@mindora/testing/plain';
import { testEngines } from './config.ts';

/** A directory for one version, which begins with nothing in it and nothing in its engines. */
export async function temporaryData(): Promise<TemporaryDirectory> {
  const directory = await temporaryDirectory();
  if (testEngines === 'embedded') return directory;
  // Their clients take a second to load.
  const { provisioned, runningServers } = await import('./servers/running.ts');
  const { emptyServers } = await import('./servers/emptying.ts');
  const servers = await runningServers(testEngines);
  await emptyServers(servers);
  writeAddresses(directory.path, await provisioned(servers));
  return directory;
}

function writeAddresses(data: string, addresses: Readonly<Record<string, string>>): void {
  mkdirSync(join(data, 'future'), { recursive: true, mode: 0o700 });
  const lines = Object.entries(addresses).map(([name, value]) => `${name}=${value}\n`);
  writeFileSync(addressFile(data), lines.join(''), { mode: 0o600 });
}

function addressFile(data: string): string {
  return join(data, 'future/engines.env');
}

/** What starts a version on the engines that its data directory names. */
export function engineArguments(data: string): readonly string[] {
  return existsSync(addressFile(data)) ? ['--engines', 'real'] : [];
}
