import { MindoraError } from '@mindora/runtime';
import type { ConsumeOptions, Delivery, Subscription } from '../port.ts';
import { type Feed, Worker, type WorkerTools } from './worker.ts';

/** What a server's names may begin with; the names that servers allow differ, and these fit all. */
const namespacePattern = /^[A-Za-z0-9_-]{0,100}$/;

/** @throws MindoraError `invalid_request` */
export function checkedNamespace(namespace: string): string {
  if (namespacePattern.test(namespace)) return namespace;
  throw new MindoraError('invalid_request', 'a namespace consists of letters, digits, _ and -');
}

/** Every failure of a client library as what it means here; the client's own message stays in the cause. */
export function unavailable(what: string, cause?: unknown): MindoraError {
  if (cause instanceof MindoraError) return cause;
  return new MindoraError('store_unavailable', what, { cause });
}

/** What a client library does without a limit of its own. @throws MindoraError `store_unavailable` when it is late */
export async function withinMs<T>(work: Promise<T>, ms: number, what = 'the bus did not answer in time'): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(unavailable(what)), ms);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** The workers of a bus: one for each consumer and partition. */
export class Workers {
  readonly #consumers: readonly string[];
  readonly #partitions: number;
  readonly #tools: WorkerTools;
  readonly #running = new Map<string, Worker>();
  #state: 'open' | 'closing' | 'closed' = 'open';

  constructor(consumers: readonly string[], partitions: number, tools: WorkerTools) {
    this.#consumers = consumers;
    this.#partitions = partitions;
    this.#tools = tools;
  }

  /** @throws MindoraError `invalid_request`, `conflict`, `store_unavailable` after the end */
  start(feed: Feed, handler: (delivery: Delivery) => Promise<void>, options?: ConsumeOptions): Subscription {
    const { consumer, partition } = feed;
    this.checkOpen();
    this.checkConsumer(consumer);
    if (!Number.isInteger(partition) || partition < 0 || partition >= this.#partitions) {
      throw new MindoraError('invalid_request', `the bus has no partition ${partition}`);
    }
    const name = nameOf(consumer, partition);
    if (this.#running.has(name)) {
      throw new MindoraError('conflict', `${consumer} consumes partition ${partition} already`);
    }
    const worker = new Worker(feed, handler, this.#tools, options);
    this.#running.set(name, worker);
    return { stop: () => this.#stop(name, worker) };
  }

  find(consumer: string, partition: number): Worker | null {
    return this.#running.get(nameOf(consumer, partition)) ?? null;
  }

  checkConsumer(consumer: string): void {
    if (this.#consumers.includes(consumer)) return;
    throw new MindoraError('invalid_request', `${consumer} is no consumer of this bus`);
  }

  /** Nothing is begun any more once it is being closed. @throws MindoraError `store_unavailable` */
  checkOpen(): void {
    if (this.#state !== 'open') throw closedError();
  }

  /** Handlers that still run may ask until the end. @throws MindoraError `store_unavailable` */
  checkAlive(): void {
    if (this.#state === 'closed') throw closedError();
  }

  /** Resolves when all handlers have returned. */
  async close(): Promise<void> {
    this.#state = 'closing';
    await Promise.all([...this.#running].map(([name, worker]) => this.#stop(name, worker)));
    this.#state = 'closed';
  }

  async #stop(name: string, worker: Worker): Promise<void> {
    await worker.stop();
    if (this.#running.get(name) === worker) this.#running.delete(name);
  }
}

function closedError(): MindoraError {
  return new MindoraError('store_unavailable', 'the bus is closed');
}

function nameOf(consumer: string, partition: number): string {
  return `${partition} ${consumer}`;
}
