/**
 * A store on a server that may be away, now or later. It is there from the start, so that it keeps neither the version
 * nor the other stores down: the first call that gets through prepares it, and behind a breaker calls fail at once
 * while the server is away, instead of each waiting for its own time to run out.
 */
import type { Role } from '@mindora/contracts';
import { MindoraError, toMindoraError } from '@mindora/runtime';
import CircuitBreaker from 'opossum';
import { openStore, type StoreDependencies, type StoreDescription, type StoreOptions } from './create.ts';
import type { StoreHealth, Target } from './port.ts';
import type { ServedStore } from './reopening.ts';

/** Calls at a time; a further one is `overloaded`. */
const callsMax = 1000;
/** How long the breaker stays open before one call may try again. */
const openMs = 1000;
/** Calls within the window below which the breaker stays closed, whatever becomes of them. */
const callsMin = 4;
const windowMs = 5000;

type Task = () => Promise<unknown>;

/** Makes the store without asking its server for anything. */
export async function openConnected(
  role: Role,
  options: StoreOptions,
  dependencies: StoreDependencies,
): Promise<ServedStore> {
  const target: Target = await openStore(role, options, dependencies);
  const store = new Connected(target, options.allowUnsafe === true);
  return { service: store.service(), close: () => store.close() };
}

class Connected {
  readonly #target: Target;
  readonly #allowUnsafe: boolean;
  readonly #breaker: CircuitBreaker<[Task], unknown>;
  #prepared = false;
  #preparing: Promise<void> | null = null;
  #migrating: Promise<void> | null = null;

  constructor(target: Target, allowUnsafe: boolean) {
    this.#target = target;
    this.#allowUnsafe = allowUnsafe;
    this.#breaker = new CircuitBreaker((task: Task) => task(), {
      name: target.role,
      // Each driver bounds its own calls; what it was asked for may go on after this side gave up.
      timeout: false,
      capacity: callsMax,
      errorThresholdPercentage: 50,
      volumeThreshold: callsMin,
      rollingCountTimeout: windowMs,
      rollingCountBuckets: 5,
      rollingPercentilesEnabled: false,
      enableSnapshots: false,
      resetTimeout: openMs,
      errorFilter: (error: unknown) => toMindoraError(error).code !== 'store_unavailable',
    });
  }

  /** Answers to the names of the store's methods. */
  service(): object {
    const own: Record<string, unknown> = {
      describe: async () => this.#description(),
      health: () => this.#health(),
      migrate: () =>
        this.#guarded(async () => {
          await this.#prepare();
          await this.#migrate();
        }),
      // Before it is prepared, which may fail for just these.
      weakSettings: () => this.#guarded(() => this.#weakSettings()),
    };
    return new Proxy(own, {
      get: (methods, name) => {
        if (typeof name !== 'string' || name === 'then') return undefined;
        return methods[name] ?? ((...args: unknown[]) => this.#call(name, args));
      },
    });
  }

  async close(): Promise<void> {
    this.#breaker.shutdown();
    await this.#target.close();
  }

  #description(): StoreDescription {
    const { role, engine, capabilities } = this.#target;
    return { role, engine, capabilities };
  }

  #call(name: string, args: readonly unknown[]): Promise<unknown> {
    const method = (this.#target as unknown as Record<string, unknown>)[name];
    if (typeof method !== 'function') throw new MindoraError('internal', `no method ${name}`);
    return this.#guarded(async () => {
      await this.#prepare();
      return method.apply(this.#target, [...args]);
    });
  }

  async #guarded(task: Task): Promise<unknown> {
    try {
      return await this.#breaker.fire(task);
    } catch (thrown) {
      const { code } = thrown as { code?: unknown };
      if (code === 'EOPENBREAKER' || code === 'ESHUTDOWN') throw this.#away();
      if (code === 'ESEMLOCKED') throw new MindoraError('overloaded', `too many calls of ${this.#target.role} at once`);
      throw thrown;
    }
  }

  #away(): MindoraError {
    return new MindoraError('store_unavailable', `${this.#target.role} is away; it is tried again every ${openMs} ms`);
  }

  /** Calls at once share the work. */
  #prepare(): Promise<void> {
    if (this.#prepared) return Promise.resolve();
    this.#preparing ??= this.#prepareOnce().finally(() => {
      this.#preparing = null;
    });
    return this.#preparing;
  }

  async #prepareOnce(): Promise<void> {
    const weak = await this.#weakSettings();
    if (weak.length > 0 && !this.#allowUnsafe) {
      throw new MindoraError(
        'store_unavailable',
        `${this.#target.role} is refused, it could lose writes: ${weak.join('; ')}`,
      );
    }
    this.#prepared = true;
  }

  /** Constraints are settings too, so the store is given its own before it is asked. */
  async #weakSettings(): Promise<string[]> {
    await this.#migrate();
    return (await this.#target.weakSettings?.()) ?? [];
  }

  /** One at a time: servers don't like to be given the same constraint twice at once. */
  #migrate(): Promise<void> {
    this.#migrating ??= this.#target.migrate().finally(() => {
      this.#migrating = null;
    });
    return this.#migrating;
  }

  async #health(): Promise<StoreHealth> {
    try {
      return (await this.#call('health', [])) as StoreHealth;
    } catch (thrown) {
      return { ok: false, detail: toMindoraError(thrown).message };
    }
  }
}
