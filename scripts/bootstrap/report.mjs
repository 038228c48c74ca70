/** A failure the user can do something about: printed as its message, without a stack. */
export class BootstrapError extends Error {}

/** Progress goes to stderr, so that the output of the real command can be piped. */
export function say(line) {
  process.stderr.write(`bootstrap: ${line}\n`);
}

/** Runs `work`, says what it does and how long it took. */
export async function timed(what, work) {
  const began = performance.now();
  say(`${what} ...`);
  const result = await work();
  say(`${what}: ${((performance.now() - began) / 1000).toFixed(1)} s`);
  return result;
}
