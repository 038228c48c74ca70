import type { Logger } from '@mindora/runtime';
import {
  type ConnectionOptions,
  connect,
  type JetStreamClient,
  type JetStreamManager,
  type NatsConnection,
} from 'nats';
import { unavailable, withinMs } from '../server/bus.ts';

const connectMsMax = 3000;
/** How long a request may take. */
export const requestMsMax = 3000;
/** A server that doesn't answer is left after twice this. */
const pingEveryMs = 4000;
const reconnectEveryMs = 500;

/** A connection with the clients that stand on it. */
export interface Connected {
  readonly connection: NatsConnection;
  readonly client: JetStreamClient;
  readonly manager: JetStreamManager;
}

/**
 * The one connection of a bus, made with the first call and again by itself for ever. While it is away calls fail at
 * once: the client would keep what is sent in memory meanwhile.
 */
export class Link {
  readonly #options: ConnectionOptions;
  readonly #logger: Logger;
  readonly #lost = new Set<() => void>();
  #connected: Connected | null = null;
  #connecting: Promise<Connected> | null = null;
  #isUp = false;
  #closed = false;
  /** Counts connections: what was known of the server before may not hold any more. */
  epoch = 0;

  constructor(url: string, name: string, logger: Logger) {
    this.#options = { ...addressOf(url), ...behaviour, name };
    this.#logger = logger;
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  /** @throws MindoraError `store_unavailable` */
  async get(): Promise<Connected> {
    if (this.#closed) throw unavailable('the bus is closed');
    if (this.#connected === null) {
      this.#connecting ??= this.#connect().finally(() => {
        this.#connecting = null;
      });
      return this.#connecting;
    }
    if (!this.#isUp) throw unavailable('NATS is away');
    return this.#connected;
  }

  /** Calls back when the connection is lost. Returns a function that ends it. */
  onLost(listener: () => void): () => void {
    this.#lost.add(listener);
    return () => this.#lost.delete(listener);
  }

  /** Sends what is still to be sent, for a short time at most. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#connecting?.catch(() => undefined);
    const connection = this.#connected?.connection;
    if (connection === undefined || connection.isClosed()) return;
    // Without a server there is nobody to drain to, and the client would wait for one.
    if (this.#isUp) await withinMs(connection.drain(), requestMsMax).catch(() => undefined);
    await connection.close();
  }

  async #connect(): Promise<Connected> {
    try {
      const connection = await connect(this.#options);
      const manager = await connection.jetstreamManager({ timeout: requestMsMax, checkAPI: false });
      const connected = { connection, manager, client: connection.jetstream({ timeout: requestMsMax }) };
      this.#connected = connected;
      this.#isUp = true;
      this.epoch++;
      void this.#watch(connection);
      return connected;
    } catch (error) {
      throw unavailable('NATS is away', error);
    }
  }

  async #watch(connection: NatsConnection): Promise<void> {
    for await (const { type } of connection.status()) {
      if (type === 'disconnect') this.#down();
      if (type === 'reconnect') this.#up();
    }
    this.#connected = null;
    this.#down();
  }

  #up(): void {
    this.epoch++;
    this.#isUp = true;
    this.#logger.info({}, 'connected to NATS again');
  }

  #down(): void {
    if (this.#isUp && !this.#closed) this.#logger.warn({}, 'the connection to NATS was lost');
    this.#isUp = false;
    for (const listener of this.#lost) listener();
  }
}

const behaviour: ConnectionOptions = {
  timeout: connectMsMax,
  maxReconnectAttempts: -1,
  reconnectTimeWait: reconnectEveryMs,
  reconnectJitter: reconnectEveryMs,
  // Rights that were taken away may be given again.
  ignoreAuthErrorAbort: true,
  pingInterval: pingEveryMs,
  maxPingOut: 2,
};

/** The client takes credentials apart from addresses. */
function addressOf(url: string): ConnectionOptions {
  const urls = url.split(',').map((part) => new URL(part.trim()));
  const servers = urls.map(({ hostname, port }) => `${hostname}:${port === '' ? 4222 : port}`);
  const [first] = urls;
  const user = decodeURIComponent(first?.username ?? '');
  const pass = decodeURIComponent(first?.password ?? '');
  const credentials = user === '' ? {} : pass === '' ? { token: user } : { user, pass };
  return { servers, ...credentials, ...(first?.protocol === 'tls:' ? { tls: {} } : {}) };
}
