import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type Clock, type Random, Secret, systemClock } from '@mindora/runtime';
import { createEmbedder, type EndpointOptions } from '../src/embedder/index.ts';
import type { Embedder } from '../src/embedder/port.ts';
import { type Behaviour, EmbeddingServer } from './support/embedding-server.ts';

const dimensions = 4;
let server: EmbeddingServer;
let pausesMs: number[];
const opened: Embedder[] = [];

beforeEach(async () => {
  server = await EmbeddingServer.start(dimensions);
  pausesMs = [];
});
afterEach(async () => {
  for (const embedder of opened.splice(0)) await embedder.close();
  await server.stop();
});

/** Pauses are noted and take no time. */
function recordingClock(): Clock {
  return {
    ...systemClock(),
    async sleep(ms) {
      pausesMs.push(ms);
    },
  };
}

const random: Random = { id: () => 'id', fraction: () => 1, bytes: (length) => Buffer.alloc(length) };

function open(options: Partial<EndpointOptions> = {}): Embedder {
  const embedder = createEmbedder(
    { kind: 'endpoint', baseUrl: server.baseUrl, model: 'm', dimensions, timeoutMs: 2_000, ...options },
    { clock: recordingClock(), random },
  );
  opened.push(embedder);
  return embedder;
}

function expected(texts: readonly string[]): number[][] {
  return texts.map((text) => server.vectorOf(text));
}

async function vectorsOf(embedder: Embedder, texts: readonly string[]): Promise<number[][]> {
  return (await embedder.embed(texts)).map((vector) => Array.from(vector));
}

describe('requests', () => {
  test('texts go in batches of 64, the key in the header, the dimension where it is asked for', async () => {
    const texts = Array.from({ length: 130 }, (_, index) => `text ${index}`);
    const embedder = open({ apiKey: new Secret('key'), sendDimensions: true, baseUrl: `${server.baseUrl}/` });
    expect(await vectorsOf(embedder, texts)).toEqual(expected(texts));
    expect(server.asked.map(({ body }) => body.input.length)).toEqual([64, 64, 2]);
    expect(server.asked[0]).toMatchObject({ authorization: 'Bearer key', body: { model: 'm', dimensions } });
    expect(await open().embed([])).toEqual([]);
  });

  test('batches are bounded in bytes', async () => {
    const texts = Array.from({ length: 10 }, (_, index) => String(index).repeat(60_000));
    await open({ textCharactersMax: 100_000 }).embed(texts);
    expect(server.asked.map(({ body }) => body.input.length)).toEqual([4, 4, 2]);
  });

  test('a long text is cut before it is sent, never inside a character; the empty text goes as a space', async () => {
    await open({ textCharactersMax: 4 }).embed(['abcdefgh', 'abc😀def', '']);
    expect(server.asked[0]?.body.input).toEqual(['abcd', 'abc', ' ']);
  });

  test('the order is that of the indexes', async () => {
    server.behaviours.push('shuffled');
    expect(await vectorsOf(open(), ['a', 'bb', 'ccc'])).toEqual(expected(['a', 'bb', 'ccc']));
  });

  test('a base URL that is none is refused', () => {
    expect(() => open({ baseUrl: 'nowhere' })).toThrow('base URL');
    expect(() => open({ baseUrl: 'file:///etc' })).toThrow('base URL');
  });
});

describe('a failing endpoint', () => {
  test('is asked again with growing pauses, and heeded where it says how long to wait', async () => {
    server.behaviours.push('error 500', 'error 503', 'busy 429');
    expect(await vectorsOf(open(), ['a'])).toEqual(expected(['a']));
    expect(pausesMs).toEqual([200, 400, 7_000]);
  });

  test.each([
    ['3600', 30_000],
    ['nonsense', 200],
    ['Wed, 21 Oct 2015 07:28:00 GMT', 200],
  ])('Retry-After %s pauses for %d ms', async (retryAfter, ms) => {
    server.retryAfter = retryAfter;
    server.behaviours.push('busy 429');
    await open().embed(['a']);
    expect(pausesMs).toEqual([ms]);
  });

  test.each<Behaviour>(['one too few', 'one too many', 'index twice', 'index out of range', 'garbage', 'not a list'])(
    'answers with %s once: asked again',
    async (behaviour) => {
      server.behaviours.push(behaviour);
      expect(await vectorsOf(open(), ['a', 'b'])).toEqual(expected(['a', 'b']));
      expect(server.asked).toHaveLength(2);
    },
  );

  test.each<Behaviour>(['strings', 'overflow', 'zeros', 'endless', 'cut off'])(
    'answers with %s: again',
    async (bad) => {
      server.behaviours.push(bad);
      expect(await vectorsOf(open(), ['a', 'b'])).toEqual(expected(['a', 'b']));
    },
  );

  test('that never answers is given up after the time', async () => {
    server.behaviours.push('silent', 'silent');
    const failing = open({ timeoutMs: 30, attemptsMax: 2 }).embed(['secret text']);
    await expect(failing).rejects.toMatchObject({
      code: 'embedder_unavailable',
      message: expect.stringMatching('in time'),
    });
    expect(server.asked).toHaveLength(2);
  });

  test('is asked a bounded number of times, and content stays out of the error', async () => {
    server.behaviours.push(...new Array<Behaviour>(10).fill('error 500'));
    const error = await open({ attemptsMax: 3, apiKey: new Secret('key-123') })
      .embed(['secret text'])
      .catch((thrown: unknown) => thrown as Error);
    expect(error).toMatchObject({ code: 'embedder_unavailable', retryable: true });
    expect(String((error as Error).message)).toBe('the embedding endpoint failed: status 500');
    expect(server.asked).toHaveLength(3);
  });

  test('of another dimension or without access is not asked again', async () => {
    server.behaviours.push('wrong dimension', 'unauthorised 401');
    await expect(open().embed(['a'])).rejects.toThrow('5 dimensions, 4 are configured');
    await expect(open().embed(['a'])).rejects.toThrow('status 401');
    expect(server.asked).toHaveLength(2);
  });

  test('that refuses a text is told apart: its place in the list comes with the error', async () => {
    server.refused.add('bad');
    const texts = ['a', 'b', 'c', 'bad', 'd'];
    const error = open().embed(texts);
    await expect(error).rejects.toMatchObject({ code: 'embedder_unavailable', data: { refused: true, index: 3 } });
    const later = Array.from({ length: 100 }, (_, index) => (index === 97 ? 'bad' : `t${index}`));
    await expect(open().embed(later)).rejects.toMatchObject({ data: { refused: true, index: 97 } });
  });

  test('that is gone: unavailable', async () => {
    await server.stop();
    await expect(open({ attemptsMax: 2 }).embed(['a'])).rejects.toMatchObject({
      code: 'embedder_unavailable',
    });
    expect(await open().health()).toMatchObject({ ok: false });
    server = await EmbeddingServer.start(dimensions);
  });

  test('random misbehaviour never yields a wrong vector', async () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    const next = mulberry32(seed);
    const kinds: Behaviour[] = [
      'good',
      'shuffled',
      'error 500',
      'busy 429',
      'one too few',
      'index twice',
      'garbage',
      'zeros',
    ];
    kinds.push('strings', 'cut off', 'error 503', 'one too many', 'wrong dimension', 'good', 'good');
    for (let round = 0; round < 40; round++) {
      const behaviours = Array.from({ length: 8 }, () => kinds[Math.floor(next() * kinds.length)] ?? 'good');
      server.behaviours.splice(0, Number.POSITIVE_INFINITY, ...behaviours);
      const texts = Array.from({ length: 1 + Math.floor(next() * 150) }, (_, index) => `${index} of ${round}`);
      const outcome = await vectorsOf(open(), texts).catch((thrown: { code?: string }) => thrown.code);
      const fine = outcome === 'embedder_unavailable' || JSON.stringify(outcome) === JSON.stringify(expected(texts));
      if (!fine) throw new Error(`seed ${seed}, round ${round}: ${behaviours.join(', ')} gave a wrong answer`);
    }
  });
});

describe('health and close', () => {
  test('health asks once, then trusts a recent success', async () => {
    const embedder = open();
    expect(await embedder.health()).toEqual({ ok: true, detail: 'answers' });
    await embedder.health();
    expect(server.asked).toHaveLength(1);
  });

  test('close breaks off what is under way', async () => {
    server.behaviours.push('silent');
    const embedder = open();
    const waiting = expect(embedder.embed(['a'])).rejects.toThrow('closed');
    await embedder.close();
    await waiting;
    await embedder.close();
    await expect(embedder.embed(['a'])).rejects.toThrow('closed');
  });
});

/** A small seeded generator (Tommy Ettinger's mulberry32). */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
