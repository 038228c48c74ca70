/**
 * The way to a Weaviate: gRPC for objects by its client, REST for the schema. Nothing is sent before the first call,
 * and an engine that is away is told within seconds: the client by itself would retry for half a minute.
 */
import { MindoraError } from '@mindora/runtime';
import weaviate, { type WeaviateClient } from 'weaviate-client';

export interface WeaviateAddress {
  readonly secure: boolean;
  readonly host: string;
  readonly port: number;
  readonly grpcPort: number;
  /** Null where the engine lets everybody in. */
  readonly key: string | null;
}

/** How long one request may take. */
export const requestTimeoutSeconds = 10;
/**
 * How long one that writes objects may take: less, because whoever takes the store over waits for so long. What the
 * engine does with a write ends with its request, or shortly after.
 */
export const writeTimeoutSeconds = 5;
/** So long after a write was given up, the engine may still be carrying it out. */
const settlingMs = 3_000;
/**
 * So long after its sender sent it last, a write may still be carried out. (What lay in a broken network for longer is
 * found by the reconcile of each night, because an object bears its version.)
 */
export const lateWritesMs = writeTimeoutSeconds * 1_000 + settlingMs;
const reachTimeoutMs = 3_000;
/** For so long after an answer the engine is taken to be there. */
const trustMs = 1_000;
const defaultPort = 8080;
const defaultGrpcPort = 50_051;

/** Parts of `http://:key@host:8080?grpc=50051`. @throws MindoraError `invalid_request` that doesn't show the key */
export function parseWeaviateUrl(text: string): WeaviateAddress {
  const url = URL.canParse(text) ? new URL(text) : null;
  const grpcPort = Number(url?.searchParams.get('grpc') ?? defaultGrpcPort);
  if (url === null || !['http:', 'https:'].includes(url.protocol) || !Number.isInteger(grpcPort)) {
    throw new MindoraError('invalid_request', 'the address of Weaviate must be http(s)://:KEY@HOST:PORT?grpc=PORT');
  }
  const key = decodeURIComponent(url.password);
  return {
    secure: url.protocol === 'https:',
    host: url.hostname,
    port: Number(url.port || defaultPort),
    grpcPort,
    key: key === '' ? null : key,
  };
}

export interface RestOptions {
  /** JSON. */
  readonly body?: string;
  readonly anonymous?: boolean;
  readonly timeoutSeconds?: number;
}

export interface RestAnswer {
  readonly status: number;
  readonly body: unknown;
}

interface Statistics {
  readonly statistics?: readonly { readonly name?: string; readonly raft?: { readonly term?: string } }[];
}

export class WeaviateConnection {
  readonly #address: WeaviateAddress;
  #client: Promise<WeaviateClient> | null = null;
  #answeredAt = Number.NEGATIVE_INFINITY;
  #lostWriteAt = Number.NEGATIVE_INFINITY;
  #version: string | null = null;
  #run: string | null = null;
  #closed = false;

  constructor(address: WeaviateAddress) {
    this.#address = address;
  }

  /** Runs a request of the client. @throws MindoraError `store_unavailable` whatever the engine did wrong */
  async call<T>(work: (client: WeaviateClient) => Promise<T>): Promise<T> {
    await this.#reach();
    this.#client ??= this.#open();
    const client = await this.#client;
    try {
      const result = await whileThere(work(client), () => this.ping());
      this.#answeredAt = performance.now();
      return result;
    } catch (error) {
      // Its channel may be waiting before it connects again; a new one doesn't.
      this.#drop();
      throw toUnavailable(error);
    }
  }

  /** A request that writes: where it fails, {@link assertSettled} remembers. */
  async change<T>(request: () => Promise<T>): Promise<T> {
    await this.#reach();
    try {
      return await request();
    } catch (error) {
      this.#lostWriteAt = performance.now();
      throw error;
    }
  }

  /** @throws MindoraError `store_unavailable` where the engine doesn't answer, or isn't ready */
  async ping(): Promise<void> {
    this.assertOpen();
    const url = `${this.#base()}/v1/.well-known/ready`;
    try {
      const response = await request(url, { method: 'GET', signal: AbortSignal.timeout(reachTimeoutMs) });
      await response.arrayBuffer();
      if (!response.ok) throw new MindoraError('store_unavailable', 'Weaviate is not ready');
      this.#answeredAt = performance.now();
    } catch (error) {
      throw toUnavailable(error);
    }
    if (this.#version === null) await this.#readVersion();
  }

  /** One request to the REST interface; `anonymous` leaves the key out. */
  async rest(method: string, path: string, options: RestOptions = {}): Promise<RestAnswer> {
    this.assertOpen();
    const { body, anonymous = false, timeoutSeconds = requestTimeoutSeconds } = options;
    const { key } = this.#address;
    const headers: Record<string, string> = { 'content-type': 'application/json' };
    if (key !== null && !anonymous) headers.authorization = `Bearer ${key}`;
    const signal = AbortSignal.timeout(timeoutSeconds * 1000);
    const init = { method, headers, signal, ...(body === undefined ? {} : { body }) };
    try {
      const response = await request(`${this.#base()}/v1${path}`, init);
      const text = await response.text();
      return { status: response.status, body: text === '' ? null : (JSON.parse(text) as unknown) };
    } catch (error) {
      throw toUnavailable(error);
    }
  }

  /** Version of the engine, where it was asked already. */
  get version(): string | null {
    return this.#version;
  }

  /** As {@link rest}, where anything but success is the engine's failure. */
  async demand(method: string, path: string, body?: unknown): Promise<unknown> {
    const answer = await this.rest(method, path, body === undefined ? {} : { body: JSON.stringify(body) });
    if (answer.status >= 200 && answer.status < 300) return answer.body;
    throw new MindoraError('store_unavailable', `Weaviate answers ${answer.status} to ${method} ${path}`);
  }

  /** What {@link noteRun} noted: another one after each start of the engine; null where it can't be told. */
  get run(): string | null {
    return this.#run;
  }

  /** Takes the engine as it runs now for the one that {@link assertSameRun} compares with. */
  async noteRun(): Promise<void> {
    this.#run = await this.#readRun();
  }

  /**
   * An engine that was killed may have lost entries of its index although it kept the objects, and nobody need have
   * called it meanwhile: so whoever looks at it from time to time is told that it was started again.
   *
   * @throws MindoraError `store_unavailable` until {@link noteRun} is called
   */
  async assertSameRun(): Promise<void> {
    if (this.#run === null || (await this.#readRun()) === this.#run) return;
    throw new MindoraError('store_unavailable', 'Weaviate was started again; its index is to be compared');
  }

  /**
   * A write that failed may still be carried out, after one that follows it: so none follows for a while.
   *
   * @throws MindoraError `store_unavailable`
   */
  assertSettled(): void {
    this.assertOpen();
    if (performance.now() - this.#lostWriteAt >= settlingMs) return;
    throw new MindoraError('store_unavailable', 'a write that failed may still be carried out; waiting for its end');
  }

  /** @throws MindoraError `store_unavailable` after {@link close} */
  assertOpen(): void {
    if (this.#closed) throw new MindoraError('store_unavailable', 'vectors is closed');
  }

  close(): void {
    this.#closed = true;
    this.#drop();
  }

  #base(): string {
    const { secure, host, port } = this.#address;
    return `${secure ? 'https' : 'http'}://${host}:${port}`;
  }

  async #reach(): Promise<void> {
    this.assertOpen();
    if (performance.now() - this.#answeredAt > trustMs) await this.ping();
    // Closed meanwhile, a new client would never be closed.
    this.assertOpen();
  }

  /**
   * What changes with a start: the term of the nodes' election. Null where the key may not ask, and with several nodes
   * one may start again without a new term: then the nightly look at the index is what finds a loss.
   */
  async #readRun(): Promise<string | null> {
    const { status, body } = await this.rest('GET', '/cluster/statistics');
    if (status !== 200) return null;
    const { statistics = [] } = (body ?? {}) as Statistics;
    const terms = statistics.map(({ name, raft }) => `${name}:${raft?.term}`);
    return terms.length === 0 ? null : terms.sort().join(' ');
  }

  async #readVersion(): Promise<void> {
    const { body } = await this.rest('GET', '/meta');
    const version = (body as { readonly version?: unknown } | null)?.version;
    this.#version = typeof version === 'string' ? version : null;
  }

  #open(): Promise<WeaviateClient> {
    const { secure, host, port, grpcPort, key } = this.#address;
    return weaviate.client({
      connectionParams: { http: { host, port, secure }, grpc: { host, port: grpcPort, secure } },
      ...(key === null ? {} : { auth: new weaviate.ApiKey(key) }),
      timeout: { init: 3, query: requestTimeoutSeconds, insert: writeTimeoutSeconds },
      skipInitChecks: true,
    });
  }

  #drop(): void {
    const client = this.#client;
    this.#client = null;
    this.#answeredAt = Number.NEGATIVE_INFINITY;
    void client?.then((open) => open.close());
  }
}

/**
 * A connection that is kept for the next request may be closed by the server just when it is used (RFC 9112, 9.5):
 * Weaviate does so after 10 s without one, and who was suspended meanwhile learns it too late. What only reads is asked
 * once more, on a new one. Whether a write was carried out, nobody knows: that is told.
 */
async function request(url: string, init: RequestInit & { readonly method: string }): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (error) {
    if (init.method !== 'GET' || !wasClosed(error)) throw error;
    return await fetch(url, init);
  }
}

const closedCodes: ReadonlySet<unknown> = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);

function wasClosed(error: unknown): boolean {
  return closedCodes.has((error as { readonly cause?: { readonly code?: unknown } }).cause?.code);
}

/** Looks every second whether the engine is still there; where it is gone, nobody waits for the answer. */
async function whileThere<T>(work: Promise<T>, ping: () => Promise<void>): Promise<T> {
  const { promise: gone, reject } = Promise.withResolvers<never>();
  const timer = setInterval(() => void ping().catch(reject), trustMs);
  // Given up, the request may still fail; the failure that counts has been told.
  work.catch(() => undefined);
  try {
    return await Promise.race([work, gone]);
  } finally {
    clearInterval(timer);
  }
}

/** The engine's own words are left out of the message: they may quote content. */
function toUnavailable(error: unknown): MindoraError {
  if (error instanceof MindoraError) return error;
  const name = error instanceof Error ? error.name : 'an unknown error';
  return new MindoraError('store_unavailable', `Weaviate failed (${name})`, { cause: error });
}
