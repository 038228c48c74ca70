import { readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type Logger, MindoraError, silentLogger } from '@mindora/runtime';
import type { ConsumeOptions, Delivery, EventBus, OutgoingBatch, PartitionLag, Subscription } from '../port.ts';
import { type BusOptions, batchesMaxDefault, bytesMaxDefault, partitionsDefault } from '../settings.ts';
import { Consumer } from './consumer.ts';
import { BatchLog, type LogSettings } from './log.ts';
import { isDamage } from './schema.ts';

/** The log keeps what a named consumer hasn't acknowledged; who isn't named any more is forgotten. */
export interface EmbeddedBusOptions extends BusOptions {
  /** The SQLite file; made with its folder where it isn't there. One bus object at a time uses it. */
  readonly file: string;
}

/** What the embedded bus can do beyond the port. */
export interface EmbeddedBus extends EventBus {
  /** Leaves no byte of acknowledged batches in the files (erasure, rule 16); damaged logs that were kept go too. */
  scrub(): Promise<void>;
}

/**
 * Opens the log, made where it is new. A damaged one is moved aside and begun anew with another incarnation, which
 * makes all consumers reconcile: losing the bus whole loses nothing (rule 1).
 */
export async function openEmbeddedBus(options: EmbeddedBusOptions): Promise<EmbeddedBus> {
  return new SqliteBus(options);
}

class SqliteBus implements EmbeddedBus {
  readonly engine = 'SQLite log';
  readonly partitions: number;
  readonly #options: EmbeddedBusOptions;
  readonly #logger: Logger;
  readonly #consumers = new Map<string, Consumer>();
  #log: BatchLog;
  #closing: Promise<void> | null = null;
  #closed = false;

  constructor(options: EmbeddedBusOptions) {
    this.partitions = options.partitions ?? partitionsDefault;
    this.#options = options;
    this.#logger = options.logger ?? silentLogger();
    this.#log = this.#openLog();
  }

  async incarnation(): Promise<string> {
    return this.#guarded((log) => log.incarnation);
  }

  async publish(batches: readonly OutgoingBatch[]): Promise<void> {
    if (this.#closing !== null) throw closedError();
    this.#guarded((log) => log.append(batches));
    for (const partition of new Set(batches.map((batch) => batch.partition))) {
      for (const consumer of this.#options.consumers) this.#consumers.get(nameOf(consumer, partition))?.wake();
    }
  }

  consume(
    consumer: string,
    partition: number,
    handler: (delivery: Delivery) => Promise<void>,
    options: ConsumeOptions = {},
  ): Subscription {
    const name = nameOf(consumer, partition);
    if (this.#closing !== null) throw closedError();
    if (!this.#options.consumers.includes(consumer)) throw unknownConsumer(consumer);
    if (!Number.isInteger(partition) || partition < 0 || partition >= this.partitions) {
      throw new MindoraError('invalid_request', `the bus has no partition ${partition}`);
    }
    if (this.#consumers.has(name)) {
      throw new MindoraError('conflict', `${consumer} consumes partition ${partition} already`);
    }
    const running = new Consumer(
      {
        name: consumer,
        partition,
        next: (size) => this.#guarded((log) => log.next(consumer, partition, size)),
        acknowledge: (delivery) => this.#acknowledge(consumer, delivery),
      },
      handler,
      { clock: this.#options.clock, random: this.#options.random, logger: this.#logger },
      options,
    );
    this.#consumers.set(name, running);
    return { stop: () => this.#stop(name, running) };
  }

  async lag(consumer: string): Promise<PartitionLag[]> {
    if (!this.#options.consumers.includes(consumer)) throw unknownConsumer(consumer);
    return this.#guarded((log) => log.lag(consumer));
  }

  async heads(): Promise<number[]> {
    return this.#guarded((log) => log.heads());
  }

  async renew(): Promise<void> {
    this.#guarded((log) => log.rename());
  }

  async scrub(): Promise<void> {
    this.#guarded((log) => log.scrub());
    for (const file of this.#filesAside()) rmSync(file, { force: true });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#consumers].map(([name, consumer]) => this.#stop(name, consumer)));
    this.#closed = true;
    this.#log.close();
  }

  async #stop(name: string, consumer: Consumer): Promise<void> {
    await consumer.stop();
    if (this.#consumers.get(name) === consumer) this.#consumers.delete(name);
  }

  /** A batch of a log that was lost while its handler ran has no cursor any more. */
  #acknowledge(consumer: string, { incarnation, partition, n }: Delivery): void {
    this.#guarded((log) => {
      if (log.incarnation === incarnation) log.acknowledge(consumer, partition, n);
    });
  }

  /** Runs on the log; where that turns out to be damaged, the next call has a new one. */
  #guarded<T>(work: (log: BatchLog) => T): T {
    if (this.#closed) throw closedError();
    try {
      return work(this.#log);
    } catch (error) {
      if (error instanceof MindoraError) throw error;
      if (isDamage(error)) this.#replaceLog(error);
      throw new MindoraError('store_unavailable', 'the log of the bus failed', { cause: error });
    }
  }

  #openLog(): BatchLog {
    try {
      return new BatchLog(this.#settings());
    } catch (error) {
      if (!isDamage(error)) throw new MindoraError('store_unavailable', 'the log of the bus failed', { cause: error });
      this.#moveAside(error);
      return new BatchLog(this.#settings());
    }
  }

  #replaceLog(damage: unknown): void {
    this.#log.close();
    this.#moveAside(damage);
    this.#log = new BatchLog(this.#settings());
  }

  /** Only the newest damaged log is kept, for people to look at: each holds content. */
  #moveAside(damage: unknown): void {
    const { file, clock } = this.#options;
    for (const old of this.#filesAside()) rmSync(old, { force: true });
    const stamp = clock.timestamp().replaceAll(':', '');
    renameSync(file, `${file}.corrupt-${stamp}`);
    for (const suffix of ['-wal', '-shm']) rmSync(file + suffix, { force: true });
    this.#logger.error({ file: basename(file), err: damage }, 'the log of the bus is damaged; a new one begins');
  }

  #filesAside(): string[] {
    const folder = dirname(this.#options.file);
    const prefix = `${basename(this.#options.file)}.corrupt-`;
    return readdirSync(folder)
      .filter((name) => name.startsWith(prefix))
      .map((name) => join(folder, name));
  }

  #settings(): LogSettings {
    const { file, consumers, bytesMax, batchesMax, random, clock } = this.#options;
    return {
      file,
      consumers,
      partitions: this.partitions,
      bytesMax: bytesMax ?? bytesMaxDefault,
      batchesMax: batchesMax ?? batchesMaxDefault,
      incarnation: () => random.id(),
      now: () => clock.now(),
    };
  }
}

function nameOf(consumer: string, partition: number): string {
  return `${partition} ${consumer}`;
}

function closedError(): MindoraError {
  return new MindoraError('store_unavailable', 'the bus is closed');
}

function unknownConsumer(consumer: string): MindoraError {
  return new MindoraError('invalid_request', `${consumer} is no consumer of this bus`);
}
