import type { MindoraClient } from '@mindora/sdk';
import { ProblemError } from '@mindora/sdk';
import type { Chance } from '../chance.ts';
import { type Key, type Model, Violation } from '../model.ts';
import { commonWord, contentOf, create, creation, remove, update } from '../operations.ts';

/** How often requests are sent; each time as many as the rate asks for. */
const tickMs = 20;
/** Requests under way; at the rate, more are held back while nothing answers. */
const inFlightMax = 300;
/** Less than a page of the queries that look for them. */
const recordsPerUser = 120;
/** Records that may be changed again; older ones stay as they are. */
const changeableMax = 500;

/** What became of the requests. */
export interface LoadCounts {
  acknowledged: number;
  /** Answered with an error while writes may be refused. */
  refused: number;
  /** Not sent, because too many were under way. */
  heldBack: number;
  /** Of the slowest answer, good or bad. */
  slowestMs: number;
}

export interface LoadOptions {
  /** Asked for each request: the version may have been started again. */
  readonly client: () => MindoraClient;
  readonly model: Model;
  readonly chance: Chance;
  readonly ratePerS: number;
  /** Begins the names of its users. */
  readonly name: string;
  /** Whether a write may be refused now. */
  readonly mayRefuse: () => boolean;
}

/** Writes at a steady rate, whatever the answers: three quarters new records, the rest changes and deletions. */
export class Load {
  readonly counts: LoadCounts = { acknowledged: 0, refused: 0, heldBack: 0, slowestMs: 0 };
  readonly users: string[] = [];
  readonly #options: LoadOptions;
  readonly #changeable: Key[] = [];
  readonly #under = new Set<Promise<void>>();
  readonly #timer: NodeJS.Timeout;
  #violation: unknown = null;
  #made = 0;
  #sentUntil = performance.now();

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#tick(), tickMs);
  }

  /** Ends it after the answers that are still due. @throws Violation that a write met */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#under);
    if (this.#violation !== null) throw this.#violation;
  }

  #tick(): void {
    const everyMs = 1000 / this.#options.ratePerS;
    for (const now = performance.now(); this.#sentUntil + everyMs <= now; this.#sentUntil += everyMs) {
      if (this.#under.size >= inFlightMax) this.counts.heldBack++;
      else this.#send();
    }
  }

  #send(): void {
    const sent = this.#one()
      .catch((thrown: unknown) => {
        this.#violation ??= thrown;
      })
      .finally(() => this.#under.delete(sent));
    this.#under.add(sent);
  }

  async #one(): Promise<void> {
    const { chance, client, model, mayRefuse } = this.#options;
    // What is sent while the primary is away may be answered when it is back.
    const mayBeRefused = mayRefuse();
    const old = chance.is(0.25) ? this.#takeChangeable() : undefined;
    const key = old ?? this.#newKey();
    const text = `${commonWord} ${key.id} ${chance.between(0, 1e9)} 索引 vector`;
    const request = old === undefined ? create(key, text) : chance.is(0.3) ? remove(old) : update(old, text);
    const effect = old === undefined ? creation(contentOf(key, text)) : request.effect;
    const began = performance.now();
    try {
      await request.send(client());
      this.counts.acknowledged++;
      model.acknowledged(key, effect);
      if (request.name !== 'remove') this.#putChangeable(key);
    } catch (error) {
      // It may have been done, so the record may be either from now on.
      model.unanswered(key, effect);
      this.#refused(error, mayBeRefused || mayRefuse());
    } finally {
      this.counts.slowestMs = Math.max(this.counts.slowestMs, performance.now() - began);
    }
  }

  #refused(error: unknown, mayBe: boolean): void {
    if (!(error instanceof ProblemError)) throw error;
    this.counts.refused++;
    const isAllowed = error.code === 'store_unavailable' || error.code === 'overloaded';
    if (isAllowed && mayBe) return;
    throw new Violation(`a write was refused: ${error.code} ${error.message}`, { cause: error });
  }

  #newKey(): Key {
    const number = this.#made++;
    const user = `${this.#options.name}_${Math.floor(number / recordsPerUser)}`;
    if (number % recordsPerUser === 0) this.users.push(user);
    const entity = number % 8 === 7 ? 'analysis' : 'conversation';
    return { entity, id: `${this.#options.name}-${number}`, user };
  }

  /** Nobody else changes it meanwhile, so what is known of it stays exact. */
  #takeChangeable(): Key | undefined {
    const { length } = this.#changeable;
    if (length === 0) return undefined;
    const [key] = this.#changeable.splice(this.#options.chance.between(0, length - 1), 1);
    return key;
  }

  #putChangeable(key: Key): void {
    this.#changeable.push(key);
    if (this.#changeable.length > changeableMax) this.#changeable.shift();
  }
}
