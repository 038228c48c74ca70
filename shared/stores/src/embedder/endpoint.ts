/** Embeddings from any endpoint that speaks OpenAI's `POST /embeddings` (OpenAI, Ollama, a local server). */
import { backoffMs, type Clock, MindoraError, type Random, type Secret } from '@mindora/runtime';
import { readAnswer } from './answer.ts';
import type { Embedder } from './port.ts';

export interface EndpointOptions {
  /** Up to and with the version, e.g. `http://127.0.0.1:8000/v1`. */
  readonly baseUrl: string;
  readonly model: string;
  /** What the model answers with; another length is refused. */
  readonly dimensions: number;
  readonly apiKey?: Secret;
  /** Also ask for this length by the `dimensions` parameter, which only some models know. */
  readonly sendDimensions?: boolean;
  /**
   * Longer texts are cut to this many characters BEFORE they are sent (default 8,000), because endpoints refuse or
   * silently cut what exceeds the model's window. The vector is then that of the beginning of the text.
   */
  readonly textCharactersMax?: number;
  /** Of one request (default 30 s). */
  readonly timeoutMs?: number;
  /** Requests for one batch until it is given up (default 5). */
  readonly attemptsMax?: number;
  /** Longest pause between two attempts, whatever Retry-After says (default 30 s). */
  readonly pauseMsMax?: number;
}

const batchTextsMax = 64;
const batchBytesMax = 256 * 1024;
const firstPauseMs = 200;
/** How long a success speaks for the endpoint's health. */
const healthyForMs = 30_000;

interface Endpoint {
  readonly options: EndpointOptions;
  readonly url: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly closing: AbortController;
}

type Attempt =
  | { readonly outcome: 'vectors'; readonly vectors: Float32Array[] }
  | { readonly outcome: 'again'; readonly reason: string; readonly afterMs: number }
  | { readonly outcome: 'refused'; readonly status: number }
  | { readonly outcome: 'failed'; readonly reason: string };

/** @throws MindoraError `invalid_request` where the base URL is none */
export function createEndpointEmbedder(options: EndpointOptions, ports: { clock: Clock; random: Random }): Embedder {
  const endpoint: Endpoint = { options, url: urlOf(options.baseUrl), ...ports, closing: new AbortController() };
  let succeededAt = Number.NEGATIVE_INFINITY;
  const embed = async (texts: readonly string[]): Promise<Float32Array[]> => {
    const vectors: Float32Array[] = [];
    for (const { start, batch } of batchesOf(texts.map((text) => prepared(text, options)))) {
      vectors.push(...(await embedBatch(endpoint, batch, start)));
      succeededAt = ports.clock.now();
    }
    return vectors;
  };
  return {
    model: options.model,
    dimensions: options.dimensions,
    kind: 'endpoint',
    embed,
    async health() {
      if (ports.clock.now() - succeededAt < healthyForMs) return { ok: true, detail: 'answers' };
      const probe = await attempt(endpoint, ['health']);
      if (probe.outcome === 'vectors') succeededAt = ports.clock.now();
      return { ok: probe.outcome === 'vectors', detail: describe(probe) };
    },
    async close() {
      endpoint.closing.abort();
    },
  };
}

function urlOf(baseUrl: string): string {
  const url = URL.parse(`${baseUrl.replace(/\/+$/, '')}/embeddings`);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new MindoraError('invalid_request', 'the base URL of the embedding endpoint is not valid');
  }
  return url.href;
}

/** Cut between characters, never inside a surrogate pair. Endpoints refuse the empty text, so it travels as a space. */
function prepared(text: string, options: EndpointOptions): string {
  const max = options.textCharactersMax ?? 8_000;
  const cut = text.length <= max ? text : text.slice(0, max).replace(/[\uD800-\uDBFF]$/, '');
  return cut === '' ? ' ' : cut;
}

function* batchesOf(texts: readonly string[]): Generator<{ start: number; batch: string[] }> {
  let batch: string[] = [];
  let bytes = 0;
  let start = 0;
  for (const [index, text] of texts.entries()) {
    const size = Buffer.byteLength(text);
    if (batch.length > 0 && (batch.length >= batchTextsMax || bytes + size > batchBytesMax)) {
      yield { start, batch };
      [batch, bytes, start] = [[], 0, index];
    }
    batch.push(text);
    bytes += size;
  }
  if (batch.length > 0) yield { start, batch };
}

/** A batch that the endpoint refuses for its content is halved until the text at fault stands alone. */
async function embedBatch(endpoint: Endpoint, batch: readonly string[], start: number): Promise<Float32Array[]> {
  const result = await attemptRepeatedly(endpoint, batch);
  if (result.outcome === 'vectors') return result.vectors;
  if (result.outcome !== 'refused') throw new MindoraError('embedder_unavailable', describe(result));
  if (batch.length === 1) {
    throw new MindoraError('embedder_unavailable', describe(result), { data: { refused: true, index: start } });
  }
  const middle = batch.length >> 1;
  const first = await embedBatch(endpoint, batch.slice(0, middle), start);
  return first.concat(await embedBatch(endpoint, batch.slice(middle), start + middle));
}

async function attemptRepeatedly(endpoint: Endpoint, batch: readonly string[]): Promise<Attempt> {
  const attemptsMax = endpoint.options.attemptsMax ?? 5;
  const pauseMsMax = endpoint.options.pauseMsMax ?? 30_000;
  for (let tried = 1; ; tried++) {
    const result = await attempt(endpoint, batch);
    if (result.outcome !== 'again' || tried >= attemptsMax) return result;
    const pauseMs = Math.max(result.afterMs, backoffMs(tried - 1, endpoint.random, firstPauseMs, pauseMsMax));
    await endpoint.clock.sleep(Math.min(pauseMs, pauseMsMax), endpoint.closing.signal);
  }
}

async function attempt(endpoint: Endpoint, batch: readonly string[]): Promise<Attempt> {
  const { options, closing, clock } = endpoint;
  if (closing.signal.aborted) return { outcome: 'failed', reason: 'the embedder is closed' };
  try {
    const response = await fetch(endpoint.url, {
      method: 'POST',
      headers: headersOf(options),
      body: JSON.stringify(bodyOf(options, batch)),
      redirect: 'error',
      signal: AbortSignal.any([closing.signal, AbortSignal.timeout(options.timeoutMs ?? 30_000)]),
    });
    if (!response.ok) return await unsuccessful(response, clock);
    const answer = await readAnswer(response, batch.length, options.dimensions);
    if ('vectors' in answer) return { outcome: 'vectors', vectors: answer.vectors };
    return answer.final ? { outcome: 'failed', reason: answer.reason } : again(answer.reason);
  } catch (error) {
    if (closing.signal.aborted) return { outcome: 'failed', reason: 'the embedder is closed' };
    return again((error as Error).name === 'TimeoutError' ? 'no answer in time' : 'not reachable');
  }
}

function headersOf(options: EndpointOptions): Record<string, string> {
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  if (options.apiKey !== undefined) headers.authorization = `Bearer ${options.apiKey.reveal()}`;
  return headers;
}

function bodyOf(options: EndpointOptions, batch: readonly string[]): object {
  const asked = options.sendDimensions === true ? { dimensions: options.dimensions } : {};
  return { model: options.model, input: batch, ...asked };
}

function again(reason: string, afterMs = 0): Attempt {
  return { outcome: 'again', reason, afterMs };
}

async function unsuccessful(response: Response, clock: Clock): Promise<Attempt> {
  const { status } = response;
  const afterMs = retryAfterMs(response.headers.get('retry-after'), clock);
  // Its text may repeat what was sent, so it is thrown away unread; the connection becomes free.
  await response.body?.cancel();
  if (status === 429 || status === 408 || status >= 500) return again(`status ${status}`, afterMs);
  if (status === 400 || status === 413 || status === 422) return { outcome: 'refused', status };
  return { outcome: 'failed', reason: `status ${status}` };
}

/** Retry-After is seconds or a date. */
function retryAfterMs(header: string | null, clock: Clock): number {
  if (header === null) return 0;
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - clock.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : 0;
}

function describe(result: Attempt): string {
  if (result.outcome === 'vectors') return 'answers';
  const reason = result.outcome === 'refused' ? `refuses the text with status ${result.status}` : result.reason;
  return `the embedding endpoint failed: ${reason}`;
}
