import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type Command, Option } from 'commander';
import { exitCodes } from './command.ts';

interface BenchFlags {
  readonly records: number;
  readonly only?: string[];
  readonly json?: boolean;
}

/** The benchmarks lie with the other tests that span packages. */
const benches = fileURLToPath(new URL('../../../test/bench/main.ts', import.meta.url));
const names = ['sync', 'apply', 'freshness', 'verify', 'rebuild', 'gateway', 'start'];

export function addBench(program: Command): void {
  program
    .command('bench')
    .description('measure this machine: every figure beside what the bare engine does in the same run')
    .option('--records <n>', 'conversations to write', Number, 5000)
    .addOption(new Option('--only <name...>', 'only these').choices(names))
    .option('--json', 'print JSON for programs', false)
    .addHelpText(
      'after',
      `
Works in temporary directories and on loopback; no version is touched.

Examples:
  mindora bench
  mindora bench --only sync apply --records 20000 --json`,
    )
    .action(run);
}

async function run({ records, only = [], json }: BenchFlags): Promise<void> {
  const args = ['--records', String(records), ...only.flatMap((name) => ['--only', name]), ...(json ? ['--json'] : [])];
  const child = spawn(process.execPath, [benches, ...args], { stdio: 'inherit' });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  process.exitCode = code ?? exitCodes.failed;
}
