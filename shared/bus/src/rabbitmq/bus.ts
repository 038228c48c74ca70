import { type Clock, silentLogger, toMindoraError } from '@mindora/runtime';
import type { ConsumeOptions, Delivery, EventBus, OutgoingBatch, PartitionLag, Subscription } from '../port.ts';
import { checkedNamespace, Workers } from '../server/bus.ts';
import { type Payload, payloadsOf, RecentBatches, windowOf } from '../server/payload.ts';
import { Turns } from '../server/turns.ts';
import {
  type BusOptions,
  batchesMaxDefault,
  bytesMaxDefault,
  partitionsDefault,
  type RabbitSettings,
} from '../settings.ts';
import { QueueFeed } from './feed.ts';
import { Lag } from './lag.ts';
import { Link } from './link.ts';
import { Numbers } from './numbers.ts';
import { Topology } from './topology.ts';
import { weakSettingsOf } from './weak-settings.ts';

export type RabbitBusOptions = BusOptions & Omit<RabbitSettings, 'kind'>;

/** For how long a publish is repeated. */
const patienceMs = 5000;
const pauseMs = 200;

/**
 * The bus on RabbitMQ: a quorum queue for each consumer and partition, filled from one exchange. Connects with the first
 * call.
 */
export function openRabbitBus(options: RabbitBusOptions): EventBus {
  return new RabbitBus(options);
}

class RabbitBus implements EventBus {
  readonly engine = 'RabbitMQ';
  readonly partitions: number;
  readonly #clock: Clock;
  readonly #management: string | null;
  /** Publishing has a connection of its own: a broker short of memory stops reading from those that publish. */
  readonly #publishing: Link;
  readonly #consuming: Link;
  readonly #topology: Topology;
  readonly #numbers: Numbers;
  readonly #workers: Workers;
  readonly #lag: Lag;
  readonly #recent = new RecentBatches();
  readonly #turns = new Turns();
  #closing: Promise<void> | null = null;

  constructor(options: RabbitBusOptions) {
    const { url, consumers, clock, random, logger = silentLogger(), partitions = partitionsDefault } = options;
    const namespace = checkedNamespace(options.namespace);
    const { bytesMax = bytesMaxDefault, batchesMax = batchesMaxDefault } = options;
    this.partitions = partitions;
    this.#clock = clock;
    this.#management = options.management ?? null;
    this.#publishing = new Link(url, `${namespace}bus publishing`, logger);
    this.#consuming = new Link(url, `${namespace}bus consuming`, logger);
    this.#topology = new Topology({ namespace, partitions, consumers, bytesMax, batchesMax, logger });
    this.#numbers = new Numbers(this.#publishing, this.#topology, { clock, random, logger });
    this.#workers = new Workers(consumers, partitions, { clock, random, logger });
    this.#lag = new Lag({ ...this.#parts(), workers: this.#workers, clock });
  }

  async incarnation(): Promise<string> {
    this.#workers.checkAlive();
    return (await this.#numbers.current()).incarnation;
  }

  async publish(batches: readonly OutgoingBatch[]): Promise<void> {
    this.#workers.checkOpen();
    const payloads = payloadsOf(batches, this.partitions);
    if (payloads.length > 0) await this.#turns.run(() => this.#publish(payloads));
  }

  consume(
    consumer: string,
    partition: number,
    handler: (delivery: Delivery) => Promise<void>,
    options: ConsumeOptions = {},
  ): Subscription {
    const feed = new QueueFeed(consumer, partition, { ...this.#parts(), recent: this.#recent }, options);
    return this.#workers.start(feed, handler, options);
  }

  async renew(): Promise<void> {
    this.#workers.checkAlive();
    await this.#numbers.renew();
  }

  async lag(consumer: string): Promise<PartitionLag[]> {
    this.#workers.checkAlive();
    this.#workers.checkConsumer(consumer);
    return this.#lag.of(consumer);
  }

  async heads(): Promise<number[]> {
    this.#workers.checkAlive();
    return [...(await this.#numbers.current()).after];
  }

  async weakSettings(): Promise<string[]> {
    this.#workers.checkAlive();
    return weakSettingsOf(this.#consuming, this.#topology, this.#management);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#workers.close();
    // After the publish that runs.
    await this.#turns.run(() => this.#numbers.close());
    await Promise.all([this.#publishing.close(), this.#consuming.close()]);
  }

  async #publish(payloads: readonly Payload[]): Promise<void> {
    const deadline = this.#clock.now() + patienceMs;
    for (let from = 0; from < payloads.length; ) {
      const window = windowOf(payloads, from);
      await this.#publishUntil(window, deadline);
      from += window.length;
    }
  }

  /** Repeated whole, with new numbers: states that come twice do no harm. */
  async #publishUntil(window: readonly Payload[], deadline: number): Promise<void> {
    for (;;) {
      try {
        return await this.#numbers.publish(window);
      } catch (error) {
        if (!toMindoraError(error).retryable || this.#clock.now() >= deadline) throw error;
      }
      await this.#clock.sleep(pauseMs);
    }
  }

  #parts(): { link: Link; topology: Topology; numbers: Numbers } {
    return { link: this.#consuming, topology: this.#topology, numbers: this.#numbers };
  }
}
