import type { Channel, ConsumeMessage } from 'amqplib';
import type { ConsumeOptions } from '../port.ts';
import { unavailable, withinMs } from '../server/bus.ts';
import type { RecentBatches } from '../server/payload.ts';
import type { Arrival, Feed, Waiting } from '../server/worker.ts';
import { closeQuietly, type Link, requestMsMax } from './link.ts';
import type { Numbers } from './numbers.ts';
import { headers } from './sending.ts';
import type { Topology } from './topology.ts';

const deliveryCount = 'x-delivery-count';
/** Above what may wait at once. */
const judgedMax = 256;

/** A channel with its one consumer, and what has come on it. */
interface Open {
  readonly channel: Channel;
  readonly tag: string;
}

/**
 * One queue, with as many messages on their way as may be handled together (prefetch). Of several processes one is
 * active (single active consumer). A channel that ends takes its messages back, in their order; the worker knows what it
 * has handled when it comes again.
 */
export class QueueFeed implements Feed {
  readonly consumer: string;
  readonly partition: number;
  readonly #link: Link;
  readonly #topology: Topology;
  readonly #numbers: Numbers;
  readonly #recent: RecentBatches;
  readonly #batchesMax: number;
  #open: Open | null = null;
  #came: ConsumeMessage[] = [];
  #rouse: () => void = () => undefined;
  /** The newest number of a log. */
  #newest: { readonly log: string; readonly n: number } | null = null;
  /** What was found of the last messages: those that wait are read before their turn comes, and again then. */
  readonly #judged = new Map<string, boolean>();

  constructor(
    consumer: string,
    partition: number,
    parts: { link: Link; topology: Topology; numbers: Numbers; recent: RecentBatches },
    { batchesMax = 1 }: ConsumeOptions = {},
  ) {
    this.#batchesMax = batchesMax;
    this.consumer = consumer;
    this.partition = partition;
    this.#link = parts.link;
    this.#topology = parts.topology;
    this.#numbers = parts.numbers;
    this.#recent = parts.recent;
  }

  async next(stop: AbortSignal): Promise<Arrival | null> {
    const { channel } = this.#open ?? (await this.#consume());
    if (this.#came.length === 0 && !stop.aborted) await this.#arrived(stop);
    if (stop.aborted) return null;
    if (this.#open === null) throw unavailable('RabbitMQ ended the consumer');
    const message = this.#came.shift();
    return message === undefined ? null : this.#arrival(channel, message);
  }

  async behind(_: Arrival, max: number): Promise<readonly Waiting[]> {
    const channel = this.#open?.channel;
    return channel === undefined ? [] : this.#came.slice(0, max).map((message) => this.#arrival(channel, message));
  }

  /**
   * Not where more has come, which the channel takes back when it ends: with the consumer gone before, another process
   * would get what is behind it first.
   */
  async cease(): Promise<void> {
    const open = this.#open;
    if (open === null || this.#came.length > 0) return;
    await withinMs(open.channel.cancel(open.tag), requestMsMax).catch(() => undefined);
  }

  async close(): Promise<void> {
    const channel = this.#open?.channel;
    this.#open = null;
    this.#came = [];
    if (channel !== undefined) await closeQuietly(channel);
  }

  async #consume(): Promise<Open> {
    await this.#topology.ensureOne(this.#link, this.consumer, this.partition);
    const channel = await this.#link.channel();
    const ended = (): void => this.#ended(channel);
    channel.on('close', ended);
    this.#came = [];
    const queue = this.#topology.queueOf(this.consumer, this.partition);
    const setUp = async (): Promise<Open> => {
      await channel.prefetch(this.#batchesMax);
      const { consumerTag } = await channel.consume(queue, (message) => this.#heard(channel, message));
      return { channel, tag: consumerTag };
    };
    try {
      this.#open = await withinMs(setUp(), requestMsMax);
      return this.#open;
    } catch (error) {
      await closeQuietly(channel);
      throw unavailable('RabbitMQ failed', error);
    }
  }

  /** Without a message: the queue was deleted. */
  #heard(channel: Channel, message: ConsumeMessage | null): void {
    if (message === null) {
      this.#ended(channel);
      return;
    }
    this.#came.push(message);
    this.#rouse();
  }

  #ended(channel: Channel): void {
    if (this.#open?.channel !== channel) return;
    this.#open = null;
    this.#came = [];
    void closeQuietly(channel);
    this.#rouse();
  }

  #arrived(stop: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#rouse = resolve;
    const abort = (): void => resolve();
    stop.addEventListener('abort', abort);
    return promise.finally(() => stop.removeEventListener('abort', abort));
  }

  #arrival(channel: Channel, message: ConsumeMessage): Arrival {
    const { messageId, headers: given = {} } = message.properties;
    const key = `${messageId}`;
    const n = Number(given[headers.n] ?? 0);
    const at = Number(given[headers.at] ?? 0);
    return {
      key,
      log: String(given[headers.log]),
      n,
      bytes: message.content.length,
      deliveries: Number(given[deliveryCount] ?? 0) + 1,
      at: at === 0 ? null : at,
      open: () => this.#read(key, n, message),
      acknowledge: () => this.#acknowledge(channel, message),
      extend: () => undefined,
    };
  }

  /** On a channel that is gone nothing can be acknowledged: the message comes again, and is known. */
  #acknowledge(channel: Channel, message: ConsumeMessage): void {
    if (this.#open?.channel === channel) channel.ack(message);
  }

  async #read(key: string, n: number, { content, properties }: ConsumeMessage): ReturnType<Arrival['open']> {
    const { [headers.log]: log, [headers.filler]: isFiller } = properties.headers ?? {};
    const changes = typeof log === 'string' && n > 0 ? this.#recent.changesOf(key, content) : null;
    if (changes === null) {
      // Somebody else's, or damaged: whether a batch is lost nobody knows, so all stores are compared.
      await this.#numbers.renew();
      return null;
    }
    const known = this.#numbers.known;
    const state = known !== null && known.log === log ? known : await this.#numbers.current();
    if (state.log !== log) return null;
    const isOld = this.#isOld(key, log, n);
    return isOld && isFiller === true ? null : { incarnation: state.incarnation, changes };
  }

  /** Whether a message before this one had its number, or a higher one. */
  #isOld(key: string, log: string, n: number): boolean {
    const judged = this.#judged.get(key);
    if (judged !== undefined) return judged;
    const isOld = this.#newest?.log === log && n <= this.#newest.n;
    if (!isOld) this.#newest = { log, n };
    this.#judged.set(key, isOld);
    const [oldest] = this.#judged.keys();
    if (this.#judged.size > judgedMax && oldest !== undefined) this.#judged.delete(oldest);
    return isOld;
  }
}
