import { writeSync } from 'node:fs';

/** Prints the totals alone on the last line, for whoever reads the output by machine. */
export default class SummaryReporter {
  onRunComplete(_contexts, results) {
    // jest's own summary comes after all reporters: only at the exit is a line the last one.
    process.once('exit', () => writeSync(1, `\n${summarise(results)}\n`));
  }
}

/** A file that could not even run counts as one failed test: its tests were never seen. */
export function summarise(results) {
  const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
  const skipped = results.numPendingTests + results.numTodoTests;
  const tail = skipped > 0 ? `, ${skipped} skipped` : '';
  return `${results.numPassedTests} passed, ${failed} failed${tail}`;
}
