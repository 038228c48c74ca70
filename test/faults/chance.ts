import { seeded } from '@mindora/testing/plain';

/** Choices of a run, all from its seed. */
export class Chance {
  readonly #next: () => number;

  constructor(seed: number) {
    this.#next = seeded(seed);
  }

  /** True in this share of cases (0-1). */
  is(share: number): boolean {
    return this.#next() < share;
  }

  /** A whole number from `least` to `most`. */
  between(least: number, most: number): number {
    return least + Math.floor(this.#next() * (most - least + 1));
  }

  /** One of a list. @throws RangeError where it is empty */
  of<T>(list: readonly T[]): T {
    if (list.length === 0) throw new RangeError('nothing to choose from');
    return list[this.between(0, list.length - 1)] as T;
  }

  /** Further choices, whose number doesn't change what follows here. */
  fork(): Chance {
    return new Chance(this.between(0, 2 ** 31));
  }
}
