import type { MindoraClient } from '@mindora/sdk';
import { ProblemError } from '@mindora/sdk';
import Database from 'better-sqlite3';
import type { Chance } from './chance.ts';
import { type Effect, type Key, type Model, Violation } from './model.ts';
import {
  type ByHand,
  bodyOf,
  commonWord,
  contentOf,
  create,
  creation,
  mergeProfile,
  type Request,
  remove,
  removeByHand,
  replaceByHand,
  update,
} from './operations.ts';

const usersPerWriter = 2;
const conversationsPerUser = 9;
const analysesPerUser = 4;
const batchMax = 12;
const largeCharacters = 150_000;
const words = ['索引', '数据库', 'vector', 'Kaffee', 'отпуск', 'naïve', '🙂', 'compost'];

/** What a refusal by the state of the record answers. */
const refusals: readonly string[] = ['conflict', 'not_found'];

export interface WriterTarget {
  readonly client: MindoraClient;
  /** The primary's file. */
  readonly primary: string;
  readonly model: Model;
  /** Users that may not be written any more. */
  readonly erased: ReadonlySet<string>;
  /** Called after each acknowledged operation. */
  readonly onAcknowledged: () => void;
}

/** One of several that write at once; each has keys of its own, so that what it knows of them is exact. */
export class Writer {
  readonly users: readonly string[];
  readonly #keys: readonly Key[];
  readonly #chance: Chance;
  readonly #number: number;
  #texts = 0;

  constructor(number: number, chance: Chance) {
    this.#number = number;
    this.#chance = chance;
    this.users = Array.from({ length: usersPerWriter }, (_, index) => `user_${number}_${index}`);
    this.#keys = this.users.flatMap(keysOf);
  }

  /** Writes until told to stop, or until the version doesn't answer. @throws Violation */
  async run(target: WriterTarget, isStopped: () => boolean): Promise<void> {
    while (!isStopped()) {
      const key = this.#chance.of(this.#keys.filter(({ user }) => !target.erased.has(user)));
      const isAnswered = await this.#step(target, key);
      if (!isAnswered) return;
    }
  }

  /** False where there was no answer. */
  async #step(target: WriterTarget, key: Key): Promise<boolean> {
    if (this.#chance.is(0.1)) return this.#batch(target, key);
    if (this.#chance.is(0.1)) return this.#byHand(target, key);
    return this.#request(target, key);
  }

  async #request({ client, model, onAcknowledged }: WriterTarget, key: Key): Promise<boolean> {
    const { effect, send } = this.#requestFor(key, this.#chance.of(model.possible(key)) !== null);
    const outcome = await answerOf(send(client));
    tell(model, key, effect, outcome);
    if (outcome === 'acknowledged') onAcknowledged();
    return outcome !== 'unanswered';
  }

  #requestFor(key: Key, exists: boolean): Request {
    if (key.entity === 'profile') return mergeProfile(key, { [`field${this.#chance.between(1, 5)}`]: this.#text() });
    if (!exists) return create(key, this.#text());
    return this.#chance.is(0.35) ? remove(key) : update(key, this.#text());
  }

  async #batch({ client, model, erased, onAcknowledged }: WriterTarget, { entity }: Key): Promise<boolean> {
    if (entity === 'profile') return true;
    const keys = this.#keys
      .filter((key) => key.entity === entity && !erased.has(key.user))
      .slice(0, this.#chance.between(1, batchMax));
    const contents = keys.map((key) => contentOf(key, this.#text()));
    const items = keys.map((key, index) => bodyOf(key, contents[index] ?? {}));
    const action = entity === 'conversation' ? 'conversation.createBatch' : 'analysis.createBatch';
    let results: readonly BatchResult[] | null = null;
    const outcome = await answerOf(
      client.call(action, { body: { items } }).then((answer) => {
        results = answer.results as unknown as readonly BatchResult[];
      }),
    );
    keys.forEach((key, index) => {
      tell(
        model,
        key,
        creation(contents[index] ?? {}),
        results === null ? 'unanswered' : outcomeOf(results[index]?.problem?.code),
      );
    });
    if (results !== null) onAcknowledged();
    return outcome !== 'unanswered';
  }

  /** Another process' connection to the same file; its commit is its acknowledgement. */
  async #byHand({ primary, model, onAcknowledged }: WriterTarget, key: Key): Promise<boolean> {
    const { effect, change }: ByHand = this.#chance.is(0.4) ? removeByHand(key) : replaceByHand(key, this.#text());
    const connection = new Database(primary, { timeout: 20_000 });
    try {
      change(connection);
    } finally {
      connection.close();
    }
    tell(model, key, effect, 'acknowledged');
    onAcknowledged();
    return true;
  }

  /** No text occurs twice, so an old content is never taken for a new one. */
  #text(): string {
    const start = `${commonWord} ${this.#number} ${this.#texts++} ${this.#chance.of(words)} ${this.#chance.of(words)}`;
    return this.#chance.is(0.01) ? `${start} ${'large '.repeat(largeCharacters / 6)}` : start;
  }
}

function keysOf(user: string): Key[] {
  const some = (entity: 'conversation' | 'analysis', count: number): Key[] =>
    Array.from({ length: count }, (_, index) => ({ entity, id: `${entity}-${user}-${index}`, user }));
  return [
    ...some('conversation', conversationsPerUser),
    ...some('analysis', analysesPerUser),
    { entity: 'profile', id: user, user },
  ];
}

interface BatchResult {
  readonly problem?: { readonly code: string };
}

type Outcome = 'acknowledged' | 'refused' | 'unanswered';

async function answerOf(answer: Promise<unknown>): Promise<Outcome> {
  try {
    await answer;
    return 'acknowledged';
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    return outcomeOf(error.code, error.message);
  }
}

/** Whatever is not a plain refusal may have happened. @throws Violation where the request itself is said to be wrong */
function outcomeOf(code: string | undefined, detail = ''): Outcome {
  if (code === undefined) return 'acknowledged';
  if (refusals.includes(code)) return 'refused';
  if (code === 'internal' || code === 'invalid_request')
    throw new Violation(`a valid request was answered ${code}: ${detail}`);
  return 'unanswered';
}

function tell(model: Model, key: Key, effect: Effect, outcome: Outcome): void {
  if (outcome === 'acknowledged') model.acknowledged(key, effect);
  else if (outcome === 'refused') model.refused(key, effect);
  else model.unanswered(key, effect);
}
