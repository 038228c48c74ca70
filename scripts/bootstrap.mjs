/**
 * The door of the repository: finds or fetches the right Node, installs the locked dependencies where they changed,
 * and runs the real command. Plain JavaScript without dependencies, for it runs before anything is installed.
 */
import { realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { check } from './bootstrap/check.mjs';
import { prepare, runPnpm } from './bootstrap/install.mjs';
import { BootstrapError, say } from './bootstrap/report.mjs';
import { exitLike, run } from './bootstrap/run.mjs';
import { withNodeOnPath } from './bootstrap/toolchain.mjs';

const FILE = fileURLToPath(import.meta.url);
const ROOT = dirname(dirname(FILE));
/**
 * Node 24 may end with "Check failed: jit_page.has_value()" where threads come and go: V8 frees compiled wrappers of
 * WebAssembly imports (HTTP's parser has some) while another thread's code page is entered. With this budget none is
 * compiled, so none is freed (nodejs/node#64500; seen once in a test run, at Runtime_TierUpWasmToJSWrapper).
 */
const NODE = ['--wasm-wrapper-tiering-budget=1000000000'];
const JEST = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js'];

const COMMANDS = {
  start: (node, args) => runCli(node, ['up', ...args]),
  cli: runCli,
  test: runJest,
  check: runCheck,
  bench: (node, args) => runNode(node, ['test/bench/main.ts', ...args]),
  fault: (node, args) => runNode(node, ['test/faults/main.ts', ...args]),
  fix: (node, args) => runNode(node, ['node_modules/@biomejs/biome/bin/biome', 'check', '--write', ...args]),
  node: (node, args) => runNode(node, args),
};

/** Runs one command: start, cli, test, check, bench, fault, fix, node or pnpm; the rest of `args` is the command's. */
export async function main([name, ...args]) {
  try {
    if (name === 'pnpm') return exitLike(await runPnpm(ROOT, args));
    const command = COMMANDS[name];
    if (command === undefined) {
      throw new BootstrapError(
        `no command "${name ?? ''}"; there are ${[...Object.keys(COMMANDS), 'pnpm'].join(', ')}`,
      );
    }
    exitLike(await command(await prepare(ROOT), args));
  } catch (error) {
    if (!(error instanceof BootstrapError)) throw error;
    say(error.message);
    process.exitCode = 1;
  }
}

/** The command line works in the caller's folder: its file arguments are relative to it. */
function runCli(node, args) {
  return runNode(node, [join(ROOT, 'scripts/src/main.ts'), ...args], process.cwd());
}

function runJest(node, args) {
  return runNode(node, [...JEST, ...args]);
}

/** `--static` leaves the unit tests out, for who runs all tests next. */
async function runCheck(node, args) {
  const tests = args.includes('--static') ? undefined : () => runJest(node, ['--selectProjects', 'unit']);
  const failed = await check(node, ROOT, tests);
  return { code: failed === 0 ? 0 : 1, signal: null };
}

function runNode(node, args, cwd = ROOT) {
  return run(node, [...NODE, ...args], { cwd, env: withNodeOnPath(node) });
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === FILE) await main(process.argv.slice(2));
