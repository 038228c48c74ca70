import type { Logger } from '@mindora/runtime';
import type { Channel, Options } from 'amqplib';
import { unavailable } from '../server/bus.ts';
import { type Link, replyCodeOf } from './link.ts';

export interface TopologySettings {
  readonly namespace: string;
  readonly partitions: number;
  readonly consumers: readonly string[];
  /** Of each queue. */
  readonly bytesMax: number;
  readonly batchesMax: number;
  readonly logger: Logger;
}

const notFound = 404;
const madeOtherwise = 406;
/** From here on a batch would be dropped after 20 deliveries, unless the queue says otherwise. */
const versionWithDeliveryLimit = 4;

/** What there is at the broker: an exchange, a quorum queue for each consumer and partition, and the queue of the state. */
export class Topology {
  readonly settings: TopologySettings;
  /** Queues that somebody made with other settings. */
  readonly mismatched = new Set<string>();

  constructor(settings: TopologySettings) {
    this.settings = settings;
  }

  get exchange(): string {
    return `${this.settings.namespace}changes`;
  }

  get stateQueue(): string {
    return `${this.settings.namespace}changes_state`;
  }

  /** Exists while somebody publishes: the broker gives it to one connection at a time. */
  get lockQueue(): string {
    return `${this.settings.namespace}changes_publisher`;
  }

  queueOf(consumer: string, partition: number): string {
    return `${this.settings.namespace}changes_${partition}_${consumer}`;
  }

  /** Makes all of it that is missing. */
  async ensure(link: Link): Promise<void> {
    const { consumers, partitions } = this.settings;
    await this.#ensureExchange(link);
    await this.#declare(link, this.stateQueue, { 'x-max-length': 1 });
    for (const consumer of consumers) {
      for (let partition = 0; partition < partitions; partition++) await this.#ensureQueue(link, consumer, partition);
    }
  }

  /** Makes what one worker needs. */
  async ensureOne(link: Link, consumer: string, partition: number): Promise<void> {
    await this.#ensureExchange(link);
    await this.#ensureQueue(link, consumer, partition);
  }

  /** Empties all queues, of another number of partitions too: what is in them belongs to a log that is gone. */
  async clear(link: Link, partitionsBefore: number): Promise<void> {
    const { consumers, partitions } = this.settings;
    for (const consumer of consumers) {
      for (let partition = 0; partition < Math.max(partitions, partitionsBefore); partition++) {
        const queue = this.queueOf(consumer, partition);
        if (partition < partitions) await asked(link, (channel) => channel.purgeQueue(queue));
        else await asked(link, (channel) => channel.deleteQueue(queue));
      }
    }
  }

  /** How many batches wait in a queue, and how many consumers it has; null where it isn't there. */
  async countsOf(link: Link, queue: string): Promise<{ ready: number; consumers: number } | null> {
    try {
      const { messageCount, consumerCount } = await link.ask((channel) => channel.checkQueue(queue));
      return { ready: messageCount, consumers: consumerCount };
    } catch (error) {
      if (replyCodeOf(error) === notFound) return null;
      throw unavailable('RabbitMQ failed', error);
    }
  }

  async #ensureExchange(link: Link): Promise<void> {
    await asked(link, (channel) => channel.assertExchange(this.exchange, 'direct', { durable: true }));
  }

  async #ensureQueue(link: Link, consumer: string, partition: number): Promise<void> {
    const { bytesMax, batchesMax } = this.settings;
    const queue = this.queueOf(consumer, partition);
    const bounds = { 'x-max-length-bytes': bytesMax, 'x-max-length': batchesMax };
    await this.#declare(link, queue, { ...bounds, 'x-single-active-consumer': true });
    await asked(link, (channel) => channel.bindQueue(queue, this.exchange, String(partition)));
  }

  /** A queue that is there with other settings is used as it is, and told among the weak settings. */
  async #declare(link: Link, queue: string, more: Record<string, unknown>): Promise<void> {
    const limit = Number.parseInt(link.version, 10) >= versionWithDeliveryLimit ? { 'x-delivery-limit': -1 } : {};
    const options: Options.AssertQueue = {
      durable: true,
      arguments: { 'x-queue-type': 'quorum', 'x-overflow': 'drop-head', ...limit, ...more },
    };
    try {
      await link.ask((channel) => channel.assertQueue(queue, options));
      this.mismatched.delete(queue);
    } catch (error) {
      if (replyCodeOf(error) !== madeOtherwise) throw unavailable('RabbitMQ failed', error);
      if (!this.mismatched.has(queue)) this.settings.logger.warn({ queue }, 'a queue was made with other settings');
      this.mismatched.add(queue);
    }
  }
}

async function asked(link: Link, ask: (channel: Channel) => Promise<unknown>): Promise<void> {
  try {
    await link.ask(ask);
  } catch (error) {
    throw unavailable('RabbitMQ failed', error);
  }
}
