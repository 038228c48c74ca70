import { MindoraError } from '@mindora/runtime';

/** Calls that may wait for their turn; each holds its own batches. */
const waitingMax = 1000;

/** One piece of work at a time, in the order of the calls. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  /** @throws MindoraError `overloaded` where too many wait, and what the work throws */
  run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiting >= waitingMax) return Promise.reject(new MindoraError('overloaded', 'too many wait for the bus'));
    this.#waiting++;
    const turn = this.#last.then(work, work).finally(() => {
      this.#waiting--;
    });
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}
