/**
 * What the primary may hold, judged from outside: for each record the contents that are possible after what was
 * acknowledged, refused, or left without an answer.
 */
import { canonicalJson, type Row } from '@mindora/contracts';

/** Content of a record; null: there is none. */
export type State = Row | null;

/** What an operation makes of a state; undefined where it is refused. */
export type Effect = (state: State) => State | undefined;

export interface Key {
  readonly entity: 'conversation' | 'analysis' | 'profile';
  readonly id: string;
  readonly user: string;
}

/** Something that was promised does not hold. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

/** Possible states of every record that was ever written to; those of one key are told one after the other. */
export class Model {
  readonly #possible = new Map<Key, readonly State[]>();

  /** All keys with what they may hold. */
  entries(): IterableIterator<[Key, readonly State[]]> {
    return this.#possible.entries();
  }

  possible(key: Key): readonly State[] {
    return this.#possible.get(key) ?? [null];
  }

  /** The operation took effect. @throws Violation where no possible state admits it */
  acknowledged(key: Key, effect: Effect): void {
    this.#narrow(
      key,
      this.#effects(key, effect),
      'acknowledged an operation that what it had acknowledged before rules out',
    );
  }

  /** The operation was refused for the state of the record. @throws Violation where every possible state admits it */
  refused(key: Key, effect: Effect): void {
    const states = this.possible(key).filter((state) => effect(state) === undefined);
    this.#narrow(key, states, 'refused an operation that every state it had acknowledged admits');
  }

  /** The operation may or may not have taken effect. */
  unanswered(key: Key, effect: Effect): void {
    this.#narrow(key, [...this.possible(key), ...this.#effects(key, effect)], '');
  }

  /** The primary holds this state. @throws Violation where that is not possible */
  observed(key: Key, state: State): void {
    const found = canonicalJson(state);
    const states = this.possible(key).filter((possible) => canonicalJson(possible) === found);
    this.#narrow(key, states, `${state === null ? 'has lost' : 'has another content of'} an acknowledged record`);
  }

  #effects(key: Key, effect: Effect): State[] {
    return this.possible(key)
      .map(effect)
      .filter((state) => state !== undefined);
  }

  #narrow(key: Key, states: readonly State[], problem: string): void {
    if (states.length === 0) throw new Violation(`the primary ${problem}: ${key.entity} ${key.id}`);
    const distinct = new Map(states.map((state) => [canonicalJson(state), state]));
    this.#possible.set(key, [...distinct.values()]);
  }
}
