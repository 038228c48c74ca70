import type { Logger } from '@mindora/runtime';
import { type Channel, type ChannelModel, connect } from 'amqplib';
import { unavailable, withinMs } from '../server/bus.ts';
import { Turns } from '../server/turns.ts';

const connectMsMax = 3000;
/** How long a request may take; declaring a quorum queue on a busy broker is slow. */
export const requestMsMax = 5000;
/** A broker that is silent is left after twice this, and leaves us. */
const heartbeatSeconds = 5;

/** One connection, made when it is asked for and there is none. Who uses it tries again, with pauses. */
export class Link {
  readonly #url: string;
  readonly #name: string;
  readonly #logger: Logger;
  readonly #lost = new Set<() => void>();
  readonly #turns = new Turns();
  #connection: ChannelModel | null = null;
  #channel: Channel | null = null;
  #connecting: Promise<ChannelModel> | null = null;
  #closed = false;
  /** Counts connections: what was known of the broker before may not hold any more. */
  epoch = 0;
  readonly vhost: string;
  /** What the broker calls its version; empty before the first connection. */
  version = '';

  constructor(url: string, name: string, logger: Logger) {
    const address = new URL(url);
    address.searchParams.set('heartbeat', String(heartbeatSeconds));
    this.#url = address.href;
    this.vhost = decodeURIComponent(address.pathname.slice(1)) || '/';
    this.#name = name;
    this.#logger = logger;
  }

  /** @throws MindoraError `store_unavailable` */
  get(): Promise<ChannelModel> {
    if (this.#closed) return Promise.reject(unavailable('the bus is closed'));
    if (this.#connection !== null) return Promise.resolve(this.#connection);
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = null;
    });
    return this.#connecting;
  }

  /** Makes a request, after those before it: one that the broker refuses costs the channel, and only this request. */
  ask<T>(request: (channel: Channel) => Promise<T>): Promise<T> {
    return this.#turns.run(async () => {
      const channel = await this.#asking();
      try {
        return await withinMs(request(channel), requestMsMax);
      } catch (error) {
        this.#channel = null;
        await closeQuietly(channel);
        throw error;
      }
    });
  }

  async #asking(): Promise<Channel> {
    if (this.#channel === null) {
      const channel = await this.channel();
      channel.once('close', () => {
        if (this.#channel === channel) this.#channel = null;
      });
      this.#channel = channel;
    }
    return this.#channel;
  }

  async channel(): Promise<Channel> {
    const connection = await this.get();
    return listened(await withinMs(connection.createChannel(), requestMsMax));
  }

  /** Calls back when the connection is lost. Returns a function that ends it. */
  onLost(listener: () => void): () => void {
    this.#lost.add(listener);
    return () => this.#lost.delete(listener);
  }

  /** Gives the connection up, with all that hangs on it; the next call makes another one. */
  async drop(): Promise<void> {
    const connection = this.#connection;
    this.#down(connection);
    if (connection !== null) await closeQuietly(connection);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#connecting?.catch(() => undefined);
    await this.drop();
  }

  async #connect(): Promise<ChannelModel> {
    const options = { timeout: connectMsMax, noDelay: true, clientProperties: { connection_name: this.#name } };
    const connecting = connect(this.#url, options);
    try {
      const connection = await withinMs(connecting, connectMsMax);
      connection.on('error', (error: unknown) => this.#logger.debug({ err: error }, 'RabbitMQ ended the connection'));
      connection.on('close', () => this.#down(connection));
      const { version } = connection.connection.serverProperties as { version?: unknown };
      this.version = String(version);
      this.#connection = connection;
      this.epoch++;
      return connection;
    } catch (error) {
      // One that comes too late is of no use.
      connecting.then(closeQuietly, () => undefined);
      throw unavailable('RabbitMQ is away', error);
    }
  }

  #down(connection: ChannelModel | null): void {
    if (connection === null || this.#connection !== connection) return;
    this.#connection = null;
    this.#channel = null;
    if (!this.#closed) this.#logger.warn({ connection: this.#name }, 'the connection to RabbitMQ was lost');
    for (const listener of this.#lost) listener();
  }
}

/** A channel's failure is told to who waits for its answer; as an event without a listener it would end the process. */
export function listened<C extends Channel>(channel: C): C {
  channel.on('error', () => undefined);
  return channel;
}

/** Closes a channel or connection that may be closed already. */
export async function closeQuietly(open: { close(): Promise<void> }): Promise<void> {
  try {
    await withinMs(open.close(), requestMsMax);
  } catch {
    // Closed already, or the broker is away: gone all the same.
  }
}

/** Why the broker closed a channel, by AMQP's code: 404 not found, 405 locked, 406 made otherwise. */
export function replyCodeOf(error: unknown): number {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'number' ? code : 0;
}
