/** Freshness by tier (A4) on real engines: from the answer of a write to the moment at which each store's own query finds it. */
import { loadavg } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import type { Row } from '@mindora/contracts';
import { MindoraClient, ProblemError } from '@mindora/sdk';
import { type BusName, startOwnEngines } from '../support/own-engines.ts';
import { launchVersion, type RunningVersion, whenReady } from '../support/version.ts';
import { type Figures, type Measurement, percentile } from './figures.ts';
import { conversation } from './records.ts';

export interface FreshnessOptions {
  readonly bus: BusName;
  readonly seconds: number;
  readonly ratePerS: number;
}

/** Every so many writes one is looked for: looking costs more than writing. */
const writesPerSample = 50;
const warmUpSeconds = 30;
const tickMs = 10;
const inFlightMax = 500;
const deadlineMs = 60_000;
const lookAgainMs = 250;

/** What a store must show, in ms: A4.1 to A4.3; null where nothing is asked. */
const boundsMs: Readonly<Record<string, number>> = {
  relational: 1000,
  cache: 1000,
  personal: 1000,
  documents: 2000,
  fulltext: 2000,
  graph: 5000,
  vectors: 5000,
};

/** The store whose queries see what it holds with its next refresh: who waits for a position would bring that about. */
const seesLater = 'fulltext';

type Look = (client: MindoraClient, user_id: string, id: string, options: { after?: string }) => Promise<boolean>;

const has = (items: readonly unknown[], field: string, id: string): boolean =>
  (items as readonly Row[]).some((item) => item[field] === id);

/** Each store's own query, as a client would ask it. */
const looks: Readonly<Record<string, Look>> = {
  relational: async (client, user_id, id, after) => {
    const { history } = await client.call('conversation.history', { params: { user_id }, query: { limit: 10 } }, after);
    return has(history, 'id', id);
  },
  cache: async (client, _user, conversation_id, after) => {
    const { source } = await client.call('conversation.get', { params: { conversation_id } }, after);
    return source === 'cache';
  },
  personal: async (client, user_id, id, after) => {
    const params = { user_id, collection: 'conversations' as const };
    const { items } = await client.call('identity.personal', { params, query: { limit: 10 } }, after);
    return has(items, 'id', id);
  },
  documents: async (client, user_id, id, after) => {
    const { results } = await client.call(
      'search.conversationDocuments',
      { body: { query: { user_id }, limit: 10 } },
      after,
    );
    return has(results, '_id', id);
  },
  fulltext: async (client, user_id, id, after) => {
    const body = { query: probe, user_id, limit: 10 };
    const { results } = await client.call('search.conversations', { body }, after);
    return has(results, 'conversation_id', id);
  },
  graph: async (client, user_id, id, after) => {
    const { nodes } = await client.call('graph.user', { params: { user_id }, query: { limit: 100 } }, after);
    return nodes.some(({ properties }) => (properties as Row).conversationId === id);
  },
  vectors: async (client, user_id, id, after) => {
    const { results } = await client.call(
      'vector.conversations',
      { body: { query: probe, user_id, limit: 10 } },
      after,
    );
    return has(results, 'conversationId', id);
  },
};

/** A write that is looked for. */
interface Sample {
  readonly user_id: string;
  readonly id: string;
  readonly after: string;
  readonly committedAt: number;
}

/** A word that each text has. */
const probe = 'probe';

/** Starts engines and a version of its own, and writes at a steady rate through its gateway. */
export async function measureRealFreshness(options: FreshnessOptions): Promise<Measurement> {
  const engines = await startOwnEngines(options.bus);
  const launched = launchVersion(engines.data, { logLevel: 'warn', environment: engines.environment });
  try {
    return await new Freshness(await whenReady(engines.data, launched), options).run();
  } finally {
    await launched.stop();
    await engines.close();
  }
}

class Freshness {
  readonly #options: FreshnessOptions;
  readonly #client: MindoraClient;
  readonly #times = new Map<string, number[]>(Object.keys(looks).map((store) => [store, []]));
  readonly #writeMs: number[] = [];
  readonly #under = new Set<Promise<void>>();
  #failure: unknown = null;
  #sent = 0;
  #heldBack = 0;

  constructor({ url, adminKey: apiKey }: RunningVersion, options: FreshnessOptions) {
    this.#options = options;
    this.#client = new MindoraClient({ url, apiKey, timeoutMs: deadlineMs, attempts: 1 });
  }

  async run(): Promise<Measurement> {
    await this.#load(warmUpSeconds);
    await Promise.all(this.#under);
    for (const times of [this.#writeMs, ...this.#times.values()]) times.length = 0;
    const from = this.#sent;
    await this.#load(this.#options.seconds);
    const load = loadavg()[0]?.toFixed(1);
    await Promise.all(this.#under);
    if (this.#failure !== null) throw this.#failure;
    const { bus, ratePerS, seconds } = this.#options;
    const sent = `${this.#sent - from} of ${ratePerS * seconds} writes sent, ${this.#heldBack} held back`;
    const about = `real engines, bus ${bus}: ${ratePerS} writes a second for ${seconds} s through the gateway; ${sent}; load ${load}`;
    const stores = [...this.#times].map(([store, ms]) => rowOf(store, ms, boundsMs[store] ?? null));
    return { name: 'freshness', about, rows: [...stores, rowOf('(answer to a write)', this.#writeMs, null)] };
  }

  async #load(seconds: number): Promise<void> {
    const everyMs = 1000 / this.#options.ratePerS;
    const endsAt = performance.now() + seconds * 1000;
    for (let next = performance.now(); next < endsAt; ) {
      for (const now = performance.now(); next <= now && next < endsAt; next += everyMs) this.#send();
      await pause(tickMs);
    }
  }

  #send(): void {
    if (this.#under.size >= inFlightMax) {
      this.#heldBack++;
      return;
    }
    const work: Promise<void> = this.#write(this.#sent++)
      .catch((thrown: unknown) => {
        this.#failure ??= thrown;
      })
      .finally(() => this.#under.delete(work));
    this.#under.add(work);
  }

  async #write(number: number): Promise<void> {
    const { id, ...fields } = conversation(number);
    const isSample = number % writesPerSample === 0;
    // One of their own for those that are looked for, so that each query has a short answer.
    const user_id = isSample ? `sample_${number}` : String(fields.user_id);
    const user_input = `${probe} ${fields.user_input}`;
    const began = performance.now();
    const body = { ...fields, user_input, conversation_id: String(id), user_id } as never;
    const { position } = await this.#client.call('conversation.create', { body });
    const committedAt = performance.now();
    this.#writeMs.push(committedAt - began);
    if (!isSample) return;
    const written = { user_id, id: String(id), after: position, committedAt };
    await Promise.all(Object.entries(looks).map(([store, look]) => this.#watch(store, look, written)));
  }

  /** The store is asked when it says that it has the record, or again and again; what counts is that it is found. */
  async #watch(store: string, look: Look, { user_id, id, after, committedAt }: Sample): Promise<void> {
    for (;;) {
      const isSeen = await look(this.#client, user_id, id, store === seesLater ? {} : { after }).catch(notYet);
      const elapsedMs = performance.now() - committedAt;
      if (isSeen) {
        this.#times.get(store)?.push(elapsedMs);
        return;
      }
      if (elapsedMs > deadlineMs) throw new Error(`${store} did not show ${id} within ${deadlineMs} ms`);
      await pause(lookAgainMs);
    }
  }
}

const waits: readonly string[] = ['position_timeout', 'store_unavailable', 'overloaded'];

/** A read that waited in vain, or that a busy store refused, is tried again; any other failure counts. */
function notYet(error: unknown): false {
  if (error instanceof ProblemError && waits.includes(error.code)) return false;
  throw error;
}

function rowOf(store: string, ms: readonly number[], boundMs: number | null): Figures {
  const p99 = percentile(ms, 0.99);
  return {
    store,
    samples: ms.length,
    'p50 ms': percentile(ms, 0.5),
    'p99 ms': p99,
    'max ms': percentile(ms, 1),
    'bound ms': boundMs,
    holds: boundMs === null ? null : p99 <= boundMs ? 'yes' : 'NO',
  };
}
