import { MindoraError } from '@mindora/runtime';
import { Redis, type RedisOptions } from 'ioredis';
import { closedError } from '../embedded/errors.ts';
import { type RedisScripts, redisScripts } from './redis-scripts.ts';

/** A connection with the scripts on it. */
export type RedisClient = Redis & RedisScripts;

export interface RedisTimes {
  /** Until a server must have answered that it is ready. */
  readonly connectMs: number;
  /** Until it must have answered a command. */
  readonly commandMs: number;
}

export const redisTimes: RedisTimes = { connectMs: 3_000, commandMs: 10_000 };

/** What is the same for commands and for channels. Nothing waits in a queue of the client's own. */
export function redisOptions(times: RedisTimes): RedisOptions {
  return {
    lazyConnect: true,
    enableOfflineQueue: false,
    connectTimeout: times.connectMs,
    disconnectTimeout: 200,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
  };
}

/**
 * One connection, made with the first call and again with the first call after it was lost. Calls at once share it. A
 * call fails when the server doesn't answer in time, and takes the connection with it: what would be answered later
 * must not pile up.
 */
export class RedisConnection {
  readonly #url: string;
  readonly #times: RedisTimes;
  #client: Promise<RedisClient> | null = null;
  #closed = false;

  constructor(url: string, times: RedisTimes = redisTimes) {
    this.#url = url;
    this.#times = times;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** @throws MindoraError `store_unavailable` */
  async run<T>(work: (client: RedisClient) => Promise<T>): Promise<T> {
    if (this.#closed) throw closedError('cache');
    try {
      return await work(await this.#connected());
    } catch (error) {
      if (isTimeout(error)) this.#drop();
      throw toRedisError(error);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#drop();
  }

  #connected(): Promise<RedisClient> {
    if (this.#client !== null) return this.#client;
    const options = { ...redisOptions(this.#times), commandTimeout: this.#times.commandMs, scripts: redisScripts };
    const client = new Redis(this.#url, { ...options, retryStrategy: () => null }) as RedisClient;
    const connecting = connect(client, this.#times.connectMs);
    this.#client = connecting;
    const forget = (): void => {
      if (this.#client === connecting) this.#client = null;
    };
    client.once('end', forget);
    connecting.catch(forget);
    return connecting;
  }

  #drop(): void {
    const client = this.#client;
    this.#client = null;
    void client?.then((connected) => connected.disconnect()).catch(ignoreFailure);
  }
}

async function connect(client: RedisClient, withinMs: number): Promise<RedisClient> {
  listen(client);
  let refusal: unknown = null;
  // The promise says only that the connection was closed, where the server had said that it lets nobody in.
  client.on('error', (error: unknown) => {
    if (isReply(error)) refusal = error;
  });
  try {
    await within(client.connect(), withinMs);
    return client;
  } catch (error) {
    client.disconnect();
    throw refusal ?? error;
  }
}

/** An error event that nobody hears would end the process; who waits for a command is told by its rejection. */
export function listen(client: Redis): void {
  client.on('error', ignoreFailure);
}

function ignoreFailure(): void {
  // Whoever called was told already.
}

/** @throws MindoraError `store_unavailable` where a promise takes longer */
export async function within<T>(promise: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new MindoraError('store_unavailable', 'cache did not answer in time')), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
    // Where time was up, its failure comes later and is nobody's.
    promise.catch(ignoreFailure);
  }
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.message === 'Command timed out';
}

/** Whether the server answered, and its answer was no. */
export function isReply(error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError';
}

/**
 * Any error of the client as `store_unavailable`. It has no cause, because the client's errors carry the arguments of
 * their commands, which are content or a password; the first word of an answer names its kind.
 */
export function toRedisError(error: unknown): MindoraError {
  if (error instanceof MindoraError) return error;
  const { code, message = '' } = error as { code?: unknown; message?: string };
  if (isReply(error)) return unavailable(/^[A-Z]+/.exec(message)?.[0] ?? 'ERR');
  if (typeof code === 'string') return unavailable(code);
  return unavailable(isTimeout(error) ? 'no answer in time' : 'connection lost');
}

function unavailable(what: string): MindoraError {
  return new MindoraError('store_unavailable', `cache failed (${what})`);
}
