import type { Json } from '@mindora/contracts';
import { MindoraError } from '@mindora/runtime';
import { Redis } from 'ioredis';
import type { Channels } from './channels.ts';
import { listen, type RedisTimes, redisOptions, redisTimes, toRedisError, within } from './redis-connection.ts';

const retryMsMax = 2_000;

/**
 * Hears Redis's channels on a connection of its own, which the first subscription makes, and hands what it hears to the
 * subscribers here. A lost connection comes back by itself; what was published meanwhile is lost, as on any such channel.
 */
export class RedisListener {
  readonly #url: string;
  readonly #times: RedisTimes;
  readonly #channels: Channels;
  readonly #prefix: string;
  #client: Redis | null = null;
  /** Names that the server was asked for. */
  #asked = new Set<string>();

  constructor(url: string, channels: Channels, prefix: string, times: RedisTimes = redisTimes) {
    this.#url = url;
    this.#channels = channels;
    this.#prefix = prefix;
    this.#times = times;
  }

  /** Hears a channel from now on. @throws MindoraError `store_unavailable`, `overloaded` */
  async open(channel: string): Promise<string> {
    const id = this.#channels.open(channel);
    try {
      await within(this.#follow(), this.#times.connectMs);
      return id;
    } catch (error) {
      this.#channels.close(id);
      throw toRedisError(error);
    }
  }

  async close(id: string): Promise<void> {
    this.#channels.close(id);
    await this.#ask(this.#client).catch(ignoreFailure);
  }

  end(): void {
    this.#channels.closeAll();
    this.#client?.disconnect();
    this.#client = null;
  }

  async #follow(): Promise<void> {
    this.#client ??= this.#made();
    const client = this.#client;
    if (client.status !== 'ready') await attempt(client);
    await this.#ask(client);
  }

  #made(): Redis {
    const retryStrategy = (times: number): number => Math.min(times * 100, retryMsMax);
    const client = new Redis(this.#url, { ...redisOptions(this.#times), retryStrategy });
    listen(client);
    client.on('ready', () => {
      this.#asked = new Set();
      this.#ask(client).catch(ignoreFailure);
    });
    client.on('message', (name: string, text: string) => this.#hear(name, text));
    client.connect().catch(ignoreFailure);
    return client;
  }

  /** Asks for the channels that are listened to and not asked for, and leaves those that nobody listens to. */
  async #ask(client: Redis | null): Promise<void> {
    if (client?.status !== 'ready') return;
    const wanted = new Set([...this.#channels.listenedTo].map((channel) => this.#prefix + channel));
    const added = [...wanted].filter((name) => !this.#asked.has(name));
    const left = [...this.#asked].filter((name) => !wanted.has(name));
    this.#asked = wanted;
    if (left.length > 0) await client.unsubscribe(...left);
    if (added.length > 0) await client.subscribe(...added);
  }

  #hear(name: string, text: string): void {
    const message = parse(text);
    if (message !== undefined) this.#channels.publish(name.slice(this.#prefix.length), message);
  }
}

/** Waits for the end of the attempt to connect that runs, or comes next. @throws MindoraError `store_unavailable` */
function attempt(client: Redis): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (): void => {
      client.off('ready', ready).off('close', failed);
    };
    const ready = (): void => {
      done();
      resolve();
    };
    const failed = (): void => {
      done();
      reject(new MindoraError('store_unavailable', 'cache failed (connection lost)'));
    };
    client.on('ready', ready).on('close', failed);
  });
}

/** Undefined for what is no message of ours: anybody may publish on a server. */
function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw new MindoraError('internal', 'a message could not be read', { cause: error });
  }
}

function ignoreFailure(): void {
  // The connection is away: with the next one everything is asked for again.
}
