import type { Msg, NatsConnection, Subscription } from 'nats';
import { unavailable } from '../server/bus.ts';
import type { RecentBatches } from '../server/payload.ts';
import type { Arrival, Feed, Waiting } from '../server/worker.ts';
import type { Link } from './link.ts';
import { nanosecondsPerMs, type Streams } from './streams.ts';

/** How long the server keeps a request for a batch; then it is asked again. */
const pullMs = 30_000;
/** How often the server says that the request still stands. */
const heartbeatMs = 5000;

const acknowledgement = '+ACK';
const stillWorking = '+WPI';

const [heartbeat, noMessages, timedOut] = [100, 404, 408];

/**
 * One durable pull consumer. One request stands at a time, on an inbox of the feed's own: once that is given up, the
 * server sends nothing there, so no batch is handed to nobody.
 */
export class PullFeed implements Feed {
  readonly consumer: string;
  readonly partition: number;
  readonly #link: Link;
  readonly #streams: Streams;
  readonly #recent: RecentBatches;
  #inbox: { readonly subscription: Subscription; readonly subject: string; readonly epoch: number } | null = null;
  #heard: (message: Msg) => void = () => undefined;
  #lastN = 0;
  /** Batches behind the last one that came, as the server then said. */
  #pending = 0;

  constructor(consumer: string, partition: number, link: Link, streams: Streams, recent: RecentBatches) {
    this.consumer = consumer;
    this.partition = partition;
    this.#link = link;
    this.#streams = streams;
    this.#recent = recent;
  }

  async next(stop: AbortSignal): Promise<Arrival | null> {
    const { connection } = await this.#link.get();
    if (this.#inbox?.epoch !== this.#link.epoch) await this.#subscribe(connection);
    if (stop.aborted) return null;
    const message = await this.#pull(connection, stop);
    return message === null ? null : this.#arrival(message);
  }

  /**
   * Read from the stream itself: the consumer has one batch in flight, so that of several processes one alone has any,
   * and hands these over later.
   */
  async behind({ n }: Arrival, max: number): Promise<readonly Waiting[]> {
    const wanted = Math.min(max, this.#pending);
    const read = await Promise.all(Array.from({ length: wanted }, (_, index) => this.#read(n + index + 1)));
    const end = read.indexOf(null);
    return (end < 0 ? read : read.slice(0, end)).filter((waiting) => waiting !== null);
  }

  /** Each batch is asked for, so nothing is under way. */
  async cease(): Promise<void> {}

  async close(): Promise<void> {
    const subscription = this.#inbox?.subscription;
    this.#inbox = null;
    if (subscription !== undefined && !subscription.isClosed()) subscription.unsubscribe();
  }

  async #subscribe(connection: NatsConnection): Promise<void> {
    await this.close();
    const { epoch } = this.#link;
    await this.#streams.ensureConsumer(this.partition, this.consumer);
    const subject = `_INBOX.${crypto.randomUUID()}`;
    const subscription = connection.subscribe(subject, { callback: (_, message) => this.#heard(message) });
    this.#inbox = { subscription, subject, epoch };
  }

  /** A batch, or null where the request ended without one. @throws MindoraError where the server refuses or is silent */
  #pull(connection: NatsConnection, stop: AbortSignal): Promise<Msg | null> {
    const { promise, resolve, reject } = Promise.withResolvers<Msg | null>();
    const silent = setTimeout(() => reject(unavailable('JetStream is silent')), heartbeatMs * 3);
    this.#heard = (message) => {
      const code = message.subject === this.#inbox?.subject ? (message.headers?.code ?? 0) : 0;
      if (code === heartbeat) silent.refresh();
      else if (code === 0) resolve(message);
      else if (code === noMessages || code === timedOut) resolve(null);
      else reject(unavailable(`JetStream refused: ${code} ${message.headers?.description ?? ''}`));
    };
    const forget = this.#link.onLost(() => reject(unavailable('the connection to NATS was lost')));
    const abort = (): void => resolve(null);
    stop.addEventListener('abort', abort);
    this.#request(connection);
    return promise.finally(() => {
      clearTimeout(silent);
      forget();
      stop.removeEventListener('abort', abort);
    });
  }

  #request(connection: NatsConnection): void {
    const subject = `$JS.API.CONSUMER.MSG.NEXT.${this.#streams.nameOf(this.partition)}.${this.consumer}`;
    const request = {
      batch: 1,
      expires: pullMs * nanosecondsPerMs,
      idle_heartbeat: heartbeatMs * nanosecondsPerMs,
    };
    connection.publish(subject, JSON.stringify(request), { reply: this.#inbox?.subject ?? '' });
  }

  #arrival(message: Msg): Arrival {
    const { n, deliveries, timestampNanos, pending } = factsOf(message);
    this.#pending = pending;
    // Numbers that begin anew say that the stream isn't the one that was known.
    if (n <= this.#lastN && deliveries === 1) this.#streams.forget();
    this.#lastN = n;
    const key = this.#keyOf(n, timestampNanos);
    const at = Math.floor(Number(timestampNanos) / nanosecondsPerMs);
    return {
      key,
      n,
      bytes: message.data.length,
      deliveries,
      at,
      open: () => this.#open(key, message.data),
      acknowledge: () => message.respond(acknowledgement),
      extend: () => {
        if (this.#link.isUp) message.respond(stillWorking);
      },
    };
  }

  #keyOf(n: number, timestampNanos: string): string {
    return `${this.partition} ${n} ${timestampNanos}`;
  }

  /** One batch by its number; null where the stream hasn't got it. */
  async #read(n: number): Promise<Waiting | null> {
    const found = await this.#streams.read(this.partition, { seq: n });
    if (found === null) return null;
    const { data, timestampNanos } = found;
    const key = this.#keyOf(n, timestampNanos);
    return { key, n, bytes: data.length, open: () => this.#open(key, data) };
  }

  async #open(key: string, data: Uint8Array): ReturnType<Arrival['open']> {
    const changes = this.#recent.changesOf(key, data);
    if (changes !== null) return { incarnation: await this.#streams.knownIncarnation(), changes };
    // Somebody else's, or damaged: whether a batch is lost nobody knows, so all stores are compared.
    await this.#streams.renew();
    return null;
  }
}

/**
 * The address for the acknowledgement tells about the message: `$JS.ACK.STREAM.CONSUMER.DELIVERIES.N.....TIME.PENDING`, or
 * with a domain and an account's hash before the stream and a token at the end (NATS, ADR-15).
 */
function factsOf({ reply = '' }: Msg): { n: number; deliveries: number; timestampNanos: string; pending: number } {
  const tokens = reply.split('.');
  const facts = tokens.length > 9 ? tokens.slice(4) : tokens.slice(2);
  const [, , deliveries, n, , timestampNanos = '0', pending] = facts;
  return { n: Number(n), deliveries: Number(deliveries), timestampNanos, pending: Number(pending) };
}
