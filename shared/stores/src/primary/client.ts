/** The primary as another thread sees it: writes go to the primary's thread, ledger reads to the database itself. */
import { type Caller, type Clock, proxyOf, systemClock, Thread } from '@mindora/runtime';
import { engineOf } from './dialects.ts';
import { openLedgerReads } from './ledger-reads.ts';
import type { PrimaryLocation } from './location.ts';
import type { Primary, PrimaryLedger, PrimaryRecords } from './port.ts';

/** What the primary's thread serves, all in one. */
export interface PrimaryService extends PrimaryRecords, Omit<PrimaryLedger, 'onPending'> {
  migrate(): Promise<void>;
  health(): Promise<{ ok: boolean; detail: string }>;
  weakSettings(): Promise<string[]>;
  nextMarks(since: number, timeoutMs: number): Promise<number>;
}

/** How long one call waits for news; it holds the process awake, so closing waits for it. */
const waitMs = 250;
const retryMs = 50;

/**
 * Connects to a primary in another thread. The thread has migrated a file when it is ready, so it can be read; a server
 * may be away then, and is tried with each call. `close` closes this side only.
 *
 * @param location where the thread's primary is; a plain string is a file of SQLite
 */
export function connectPrimary(
  source: Thread | Caller,
  location: PrimaryLocation | string,
  clock: Clock = systemClock(),
): Primary {
  const { dialect, place } = engineOf(typeof location === 'string' ? { file: location } : location);
  const remote = source instanceof Thread ? source.proxy<PrimaryService>() : proxyOf<PrimaryService>(source);
  const { reads, close } = openLedgerReads(place, dialect);
  const news = new News(remote, clock);
  const local: Partial<PrimaryLedger> = {
    ...reads,
    // Whoever clears what it read may pass the records as they are: their rows stay here.
    clear: (read, published) =>
      remote.clear(
        read.map(({ entity, id, mark }) => ({ entity, id, mark })),
        published,
      ),
    onPending: (listener) => news.listen(listener),
  };
  return {
    get engine() {
      return dialect.engine;
    },
    scrubs: dialect.scrubs,
    records: remote,
    ledger: overlay(remote, local),
    migrate: () => remote.migrate(),
    health: () => remote.health(),
    weakSettings: () => remote.weakSettings(),
    async close() {
      await news.close();
      await close();
    },
  };
}

/** The remote ledger with the methods that are served here. */
function overlay(remote: PrimaryService, local: Partial<PrimaryLedger>): PrimaryLedger {
  return new Proxy(local as PrimaryLedger, {
    get: (target, property, receiver) =>
      property in target ? Reflect.get(target, property, receiver) : Reflect.get(remote, property),
  });
}

/** Asks the primary's thread for news as long as someone listens. */
class News {
  readonly #remote: PrimaryService;
  readonly #clock: Clock;
  readonly #listeners = new Set<() => void>();
  #running = false;
  #loop: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(remote: PrimaryService, clock: Clock) {
    this.#remote = remote;
    this.#clock = clock;
  }

  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    if (!this.#running && !this.#closed) {
      this.#running = true;
      this.#loop = this.#run();
    }
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#listeners.clear();
    await this.#loop;
  }

  async #run(): Promise<void> {
    let seen = 0;
    while (this.#listeners.size > 0) {
      const now = await this.#ask(seen);
      if (now === seen) continue;
      seen = now;
      for (const listener of [...this.#listeners]) listener();
    }
    this.#running = false;
  }

  /** While the primary's thread is down, its next life is waited for: its numbers start elsewhere. */
  async #ask(seen: number): Promise<number> {
    try {
      return await this.#remote.nextMarks(seen, waitMs);
    } catch {
      await this.#clock.sleep(retryMs);
      return seen;
    }
  }
}
