import { type Command, Option } from 'commander';
import { startVersion } from '../compose/up.ts';
import { loadConfig } from '../config.ts';
import type { EnginesKind } from '../engines.ts';
import { tell } from '../output.ts';
import { type CommonFlags, exitCodes, numberBetween, reportError, withVersion } from './command.ts';

interface UpFlags extends CommonFlags {
  readonly port?: number;
  readonly host?: string;
  readonly engines?: EnginesKind;
  readonly allowUnsafe?: boolean;
}

export function addUp(program: Command): void {
  withVersion(program.command('up'))
    .description("run a version's gateway, services and sync")
    .option(
      '--port <n>',
      "port of the gateway (default: the version's, 8206 for future; 0 takes a free one)",
      numberBetween(0, 65_535, true),
    )
    .option('--host <address>', 'address to listen on (default 127.0.0.1)')
    .addOption(
      new Option('--engines <kind>', 'which engines serve the stores (default embedded)').choices(['embedded', 'real']),
    )
    .option('--allow-unsafe', 'start although settings of the engines could lose what was acknowledged')
    .addHelpText(
      'after',
      `
Runs until SIGTERM or SIGINT, finishes what it has accepted, and ends with 0. The first start prints the
administrator's key, once; it stays in DATA/VERSION/admin.key.

With real engines their addresses come from MINDORA_PRIMARY_URL, MINDORA_BUS_URL, MINDORA_RELATIONAL_URL and so on, or
from DATA/VERSION/engines.env, which "npm run engines -- up" writes.

Examples:
  mindora up
  mindora up --engines real
  mindora up --version dao --port 9000 --data /var/lib/mindora`,
    )
    .action(run);
}

async function run(flags: UpFlags): Promise<void> {
  const stop = new AbortController();
  const signalled = (): void => stop.abort();
  process.once('SIGTERM', signalled);
  process.once('SIGINT', signalled);
  try {
    const config = loadConfig(flags);
    await startVersion(config, stop.signal, tell);
    process.exitCode = exitCodes.ok;
  } catch (error) {
    reportError(error, false);
    process.exitCode = exitCodes.failed;
  }
}
