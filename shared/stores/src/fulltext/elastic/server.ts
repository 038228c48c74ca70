/** The connection to Elasticsearch: bounded in time and number, made with the first call, and again by itself. */
import { Client, errors } from '@elastic/elasticsearch';
import { MindoraError, toMindoraError } from '@mindora/runtime';
import type { StoreConnection } from '../../connection.ts';

const requestTimeoutMs = 10_000;
/** Options of the client's HTTP library; the client's own types know only some of them. */
const connecting = { connections: 10, connect: { timeout: 3_000 } };

/** How long the engine itself waits for a shard that isn't there yet, instead of a minute. */
export const shardTimeout = '5s';

export class ElasticServer {
  readonly #client: Client;
  #closed = false;

  constructor({ url }: StoreConnection) {
    this.#client = new Client({
      node: url,
      requestTimeout: requestTimeoutMs,
      // Its retries wait a second each; sync has its own, with a breaker.
      maxRetries: 0,
      agent: connecting,
    });
  }

  /** @throws MindoraError `store_unavailable` for whatever the engine or the way to it answers with */
  async call<T>(work: (client: Client) => Promise<T>): Promise<T> {
    if (this.#closed) throw new MindoraError('store_unavailable', 'fulltext is closed');
    try {
      return await this.#connected(work);
    } catch (error) {
      throw toStoreError(error);
    }
  }

  /**
   * A connection that was kept alive to an engine that was restarted fails once, so there is a second try; all that is
   * asked of the engine may be asked twice.
   */
  async #connected<T>(work: (client: Client) => Promise<T>): Promise<T> {
    try {
      return await work(this.#client);
    } catch (error) {
      if (!(error instanceof errors.ConnectionError)) throw error;
      return await work(this.#client);
    }
  }

  /** Like {@link call}, null where the engine answers that there is no such thing (404). */
  async find<T>(work: (client: Client) => Promise<T>): Promise<T | null> {
    return this.call(async (client) => {
      try {
        return await work(client);
      } catch (error) {
        if (error instanceof errors.ResponseError && error.statusCode === 404) return null;
        throw error;
      }
    });
  }

  /** Like {@link call}, false where the engine refuses the request itself (400). */
  async accepts(work: (client: Client) => Promise<unknown>): Promise<boolean> {
    return this.call(async (client) => {
      try {
        await work(client);
        return true;
      } catch (error) {
        if (error instanceof errors.ResponseError && error.statusCode === 400) return false;
        throw error;
      }
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#client.close();
  }
}

/** The client's errors carry requests and answers, hence content: only their kind is passed on. */
function toStoreError(error: unknown): MindoraError {
  if (error instanceof errors.ResponseError) {
    return unavailable(`${typeOf(error.body)}, status ${error.statusCode ?? 0}`);
  }
  if (error instanceof errors.ElasticsearchClientError) return unavailable(error.name);
  return toMindoraError(error);
}

function typeOf(body: unknown): string {
  const type = (body as { error?: { type?: unknown } } | null | undefined)?.error?.type;
  return typeof type === 'string' ? type : 'an error';
}

/** The engine failed in a way that may pass. */
export function unavailable(what: string): MindoraError {
  return new MindoraError('store_unavailable', `fulltext on Elasticsearch failed (${what})`);
}
