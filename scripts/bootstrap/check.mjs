import { capture } from './run.mjs';

/** Every step runs, even after one failed: one look tells all that is wrong. */
const STATIC_STEPS = [
  { name: 'format and lint', args: ['node_modules/@biomejs/biome/bin/biome', 'check', '--error-on-warnings'] },
  { name: 'types', args: ['node_modules/typescript/bin/tsc', '-p', '.'] },
  { name: 'dead code', args: ['node_modules/knip/bin/knip.js', '--no-progress'] },
];

/**
 * Format, lint, types, dead code, and unit tests (among them boundaries and tidiness).
 * The static steps run at once, the tests after them. Resolves to the number of steps that failed.
 */
export async function check(node, root, runTests) {
  const results = await Promise.all(STATIC_STEPS.map((step) => runStep(node, root, step)));
  let failed = results.filter((ok) => !ok).length;
  if (runTests !== undefined) {
    const began = performance.now();
    const { code } = await runTests();
    if (code !== 0) failed += 1;
    tell('unit tests', code === 0, began);
  }
  return failed;
}

async function runStep(node, root, { name, args }) {
  const began = performance.now();
  const { code, output } = await capture(node, args, { cwd: root });
  tell(name, code === 0, began);
  if (code !== 0) process.stderr.write(`${output.trimEnd()}\n`);
  return code === 0;
}

function tell(name, ok, began) {
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  process.stderr.write(`check: ${name} ${ok ? 'ok' : 'FAILED'} (${seconds} s)\n`);
}
