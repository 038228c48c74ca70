import { silentLogger } from '@mindora/runtime';
import type { ConsumeOptions, Delivery, EventBus, OutgoingBatch, PartitionLag, Subscription } from '../port.ts';
import { checkedNamespace, Workers } from '../server/bus.ts';
import { payloadsOf, RecentBatches } from '../server/payload.ts';
import { Turns } from '../server/turns.ts';
import {
  type BusOptions,
  batchesMaxDefault,
  bytesMaxDefault,
  type JetStreamSettings,
  partitionsDefault,
} from '../settings.ts';
import { PullFeed } from './feed.ts';
import { Lag } from './lag.ts';
import { Link } from './link.ts';
import { Publisher } from './publisher.ts';
import { Streams } from './streams.ts';
import { weakSettingsOf } from './weak-settings.ts';

export type JetStreamBusOptions = BusOptions & Omit<JetStreamSettings, 'kind'>;

/**
 * The bus on NATS JetStream: a stream for each partition, a durable pull consumer for each consumer and partition.
 * Connects with the first call.
 */
export function openJetStreamBus(options: JetStreamBusOptions): EventBus {
  return new JetStreamBus(options);
}

class JetStreamBus implements EventBus {
  readonly engine = 'NATS JetStream';
  readonly partitions: number;
  readonly #monitoring: string | null;
  readonly #link: Link;
  readonly #streams: Streams;
  readonly #publisher: Publisher;
  readonly #workers: Workers;
  readonly #lag: Lag;
  readonly #recent = new RecentBatches();
  readonly #turns = new Turns();
  #closing: Promise<void> | null = null;

  constructor(options: JetStreamBusOptions) {
    const { url, consumers, clock, random, logger = silentLogger(), partitions = partitionsDefault } = options;
    const namespace = checkedNamespace(options.namespace);
    this.partitions = partitions;
    this.#monitoring = options.monitoring ?? null;
    this.#link = new Link(url, `${namespace}bus`, logger);
    const { bytesMax = bytesMaxDefault, batchesMax = batchesMaxDefault } = options;
    this.#streams = new Streams(this.#link, { namespace, partitions, bytesMax, batchesMax, random, logger });
    this.#publisher = new Publisher(this.#link, this.#streams, { clock, random });
    this.#workers = new Workers(consumers, partitions, { clock, random, logger });
    this.#lag = new Lag(this.#link, this.#streams, this.#workers);
  }

  async incarnation(): Promise<string> {
    this.#workers.checkAlive();
    return this.#streams.incarnation();
  }

  async publish(batches: readonly OutgoingBatch[]): Promise<void> {
    this.#workers.checkOpen();
    const payloads = payloadsOf(batches, this.partitions);
    if (payloads.length > 0) await this.#turns.run(() => this.#publisher.publish(payloads));
  }

  consume(
    consumer: string,
    partition: number,
    handler: (delivery: Delivery) => Promise<void>,
    options: ConsumeOptions = {},
  ): Subscription {
    const feed = new PullFeed(consumer, partition, this.#link, this.#streams, this.#recent);
    return this.#workers.start(feed, handler, options);
  }

  async renew(): Promise<void> {
    this.#workers.checkAlive();
    await this.#streams.renew();
  }

  async lag(consumer: string): Promise<PartitionLag[]> {
    this.#workers.checkAlive();
    this.#workers.checkConsumer(consumer);
    return this.#lag.of(consumer);
  }

  async heads(): Promise<number[]> {
    this.#workers.checkAlive();
    return (await this.#streams.states()).map(({ head }) => head);
  }

  async weakSettings(): Promise<string[]> {
    this.#workers.checkAlive();
    return weakSettingsOf(this.#link, this.#monitoring);
  }

  close(): Promise<void> {
    this.#closing ??= this.#workers.close().then(() => this.#link.close());
    return this.#closing;
  }
}
