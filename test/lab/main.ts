/**
 * `npm run lab -- up|check|isolation|status|down [versions] [--fourth] [--images]`: whole versions of compose/ on real
 * containers; README.md tells what is looked at.
 */
import { parseArgs } from 'node:util';
import { MindoraError } from '@mindora/runtime';
import { checkLab } from './check/index.ts';
import { labDirectory } from './config.ts';
import { Host } from './host.ts';
import { provideImages } from './images.ts';
import { bringDown, bringUp, showStatus } from './stack.ts';

const usage =
  'npm run lab -- up|check|isolation|status|down|images|docker [versions, default future dao] [--fourth NAME] [--images]';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  strict: false,
  options: { fourth: { type: 'string' }, images: { type: 'boolean', default: false } },
});
const [action = '', ...given] = positionals;
const versions = given.length > 0 ? given : ['future', 'dao'];

const began = performance.now();
const tell = (line: string): void => {
  process.stderr.write(`lab ${((performance.now() - began) / 1000).toFixed(1).padStart(6)} s: ${line}\n`);
};
const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

const actions: Readonly<Record<string, (host: Host) => Promise<boolean>>> = {
  up: async (host) => {
    await provideImages(host, tell);
    await bringUp(host, versions, tell);
    return true;
  },
  images: async (host) => {
    await provideImages(host, tell);
    return true;
  },
  check: (host) => checkLab(host, versions, { fourth: values.fourth as string | undefined, tell, print }),
  isolation: async (host) => (await host.attack(versions)) === 0,
  status: (host) => showStatus(host, print),
  down: async (host) => {
    await bringDown(host, { images: values.images === true, tell });
    return true;
  },
  docker: async (host) => {
    const at = process.argv.indexOf('docker');
    const { code } = await host.tryDocker(process.argv.slice(at + 1), { shown: true });
    return code === 0;
  },
};

async function main(): Promise<boolean> {
  const work = actions[action];
  if (work === undefined) throw new MindoraError('invalid_request', usage);
  const host = await Host.open(labDirectory);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void host.close().finally(() => process.exit(1)));
  }
  try {
    return await work(host);
  } finally {
    await host.close();
  }
}

const succeeded = await main().catch((error: unknown) => {
  tell(error instanceof Error ? error.message : String(error));
  return false;
});
// Clients of stores may leave timers behind.
process.exit(succeeded ? 0 : 1);
