import { MindoraError } from '@mindora/runtime';

/** Tasks one after the other; so many may wait. */
export class Turns {
  readonly #waitingMax: number;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(waitingMax: number) {
    this.#waitingMax = waitingMax;
  }

  /** @throws MindoraError `store_unavailable` where too many wait, else what the task throws */
  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#waiting >= this.#waitingMax) throw new MindoraError('store_unavailable', 'too many calls wait');
    this.#waiting++;
    const turn = this.#last.then(task).finally(() => {
      this.#waiting--;
    });
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}
