import http from 'node:http';
import https from 'node:https';
import { MindoraError } from '@mindora/runtime';
import { Client } from 'minio';

export interface MinioAddress {
  readonly secure: boolean;
  readonly host: string;
  readonly port: number;
  readonly accessKey: string;
  readonly secretKey: string;
}

const reachTimeoutMs = 3_000;
/** A request during which nothing moves for so long is given up. */
const idleTimeoutMs = 15_000;
/** For so long after an answer the engine is taken to be there. */
const trustMs = 1_000;
/** Objects above go up in parts, of which the engine shows nothing before the last. */
const partBytes = 5 * 1024 * 1024;
const connectionsMax = 32;
const portsDefault = { http: 80, https: 443 } as const;

/** Parts of `http://ACCESS:SECRET@HOST:PORT`. @throws MindoraError `invalid_request` that shows neither */
export function parseMinioUrl(text: string): MinioAddress {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !['http:', 'https:'].includes(url.protocol) || url.username === '' || url.password === '') {
    throw new MindoraError('invalid_request', 'the address of MinIO must be http(s)://ACCESS:SECRET@HOST:PORT');
  }
  const secure = url.protocol === 'https:';
  return {
    secure,
    host: url.hostname,
    port: Number(url.port || portsDefault[secure ? 'https' : 'http']),
    accessKey: decodeURIComponent(url.username),
    secretKey: decodeURIComponent(url.password),
  };
}

/** The client, with bounds on every request. Nothing is sent before the first call. */
export class MinioConnection {
  readonly #address: MinioAddress;
  readonly #agent: http.Agent;
  readonly #client: Client;
  #answeredAt = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(address: MinioAddress) {
    const { secure, host, port, accessKey, secretKey } = address;
    const module = secure ? https : http;
    this.#address = address;
    this.#agent = new module.Agent({ keepAlive: true, maxSockets: connectionsMax });
    this.#client = new Client({
      endPoint: host,
      port,
      useSSL: secure,
      accessKey,
      secretKey,
      // Told, the engine needn't be asked for it before each first request.
      region: 'us-east-1',
      partSize: partBytes,
      transport: { request: requestWithin(module) },
      transportAgent: this.#agent,
      // Who calls tries again, and knows when to stop.
      retryOptions: { disableRetry: true },
    });
  }

  /** @throws MindoraError `store_unavailable` where the engine is away; its refusals as they are */
  async call<T>(work: (client: Client) => Promise<T>): Promise<T> {
    this.#assertOpen();
    if (performance.now() - this.#answeredAt > trustMs) await this.ping();
    try {
      const result = await work(this.#client);
      this.#answeredAt = performance.now();
      return result;
    } catch (error) {
      if (error instanceof MindoraError || isMissing(error)) throw error;
      this.#answeredAt = Number.NEGATIVE_INFINITY;
      throw toUnavailable(error);
    }
  }

  /** @throws MindoraError `store_unavailable` where it doesn't answer */
  async ping(): Promise<void> {
    this.#assertOpen();
    const { secure, host, port } = this.#address;
    const url = `${secure ? 'https' : 'http'}://${host}:${port}/minio/health/ready`;
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(reachTimeoutMs) });
      await response.arrayBuffer();
      if (!response.ok) throw new MindoraError('store_unavailable', 'MinIO is not ready');
      this.#answeredAt = performance.now();
    } catch (error) {
      throw toUnavailable(error);
    }
  }

  close(): void {
    this.#closed = true;
    this.#agent.destroy();
  }

  #assertOpen(): void {
    if (this.#closed) throw new MindoraError('store_unavailable', 'objects is closed');
  }
}

/** Requests that end when nothing moves; the client itself has no bound. */
function requestWithin(module: typeof http | typeof https): typeof http.request {
  const request = (options: http.RequestOptions, answered?: (response: http.IncomingMessage) => void) => {
    const sent = module.request({ ...options, timeout: idleTimeoutMs }, answered);
    sent.on('timeout', () => sent.destroy(Object.assign(new Error('nothing moved'), { code: 'ETIMEDOUT' })));
    return sent;
  };
  return request as typeof http.request;
}

/** The name that S3 gives an error, or the system's. */
export function codeOf(error: unknown): string {
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown };
  return typeof code === 'string' ? code : String(name);
}

/** Whether the engine says that an object or its version isn't there. A deletion has no content, so it has no GET. */
export function isMissing(error: unknown): boolean {
  return ['NotFound', 'NoSuchKey', 'NoSuchVersion', 'MethodNotAllowed', 'InvalidArgument'].includes(codeOf(error));
}

function toUnavailable(error: unknown): MindoraError {
  if (error instanceof MindoraError) return error;
  return new MindoraError('store_unavailable', `MinIO failed (${codeOf(error)})`, { cause: error });
}
