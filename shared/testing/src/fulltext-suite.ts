/** Holds an engine to the port `FullTextQueries`: every engine finds the same documents, whatever language they are in. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { excerpts, foundPairs, fragments, missedPairs, syntaxLike } from './fulltext/texts.ts';
import { analysis, conversation, type FullTextDriver, FullTextWorld } from './fulltext/world.ts';

export type { FullTextDriver } from './fulltext/world.ts';

/** All that a search promises, on one engine. */
export function testFullText(name: string, driver: FullTextDriver): void {
  describe(`searches: ${name}`, () => {
    const world = new FullTextWorld(driver);
    describe('words are found however the text is divided', () => testWords(world));
    describe('a query is words', () => testQueries(world));
    describe('order, filters and pages', () => testPages(world));
    describe('highlight', () => testExcerpts(world));
  });
}

function testWords(world: FullTextWorld): void {
  test.each([...foundPairs])('%s: %s', async (text, query) => {
    expect(await world.finds(text, query)).toBe(true);
  });

  test.each([...missedPairs])('%s is not found by: %s', async (text, query) => {
    expect(await world.finds(text, query)).toBe(false);
  });

  // fast-check prints the seed of a failure.
  test('every text is found by itself and by each part of it', async () => {
    const words = /[\p{L}\p{N}\p{Extended_Pictographic}]/u;
    const texts = fc.array(fc.constantFrom(...fragments), { minLength: 1, maxLength: 8 }).map((all) => all.join(''));
    await fc.assert(
      fc.asyncProperty(texts, fc.nat(), fc.nat(), async (text, a, b) => {
        const unspaced = Array.from(text.replace(/[^\p{Script=Han}]/gu, ''));
        const part = unspaced.slice(a % (unspaced.length + 1)).slice(0, 1 + (b % 4));
        const query = text.includes(part.join('')) && part.length > 0 ? part.join('') : text;
        expect(await world.finds(text, query)).toBe(words.test(query));
        expect(await world.finds(text, text)).toBe(words.test(text));
      }),
      { numRuns: 60 },
    );
  });
}

function testQueries(world: FullTextWorld): void {
  test('nothing of a query is syntax', async () => {
    await world.put('conversation', [conversation('syntax', 'plain words OR near', { user_id: 'x' })]);
    for (const query of syntaxLike) expect(Array.isArray(await world.found(query, { userId: 'x' }))).toBe(true);
    expect(await world.found('plain AND', { userId: 'x' })).toEqual([]);
    expect(await world.found('*', { userId: 'x' })).toEqual([]);
    expect(await world.found('or NEAR', { userId: 'x' })).toEqual(['syntax']);
    expect(await world.found('metadataword')).toEqual([]);
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 30 }), (query) => world.found(query).then(() => true)),
    );
  });

  test('what is filtered by is never syntax either', async () => {
    for (const odd of ['*', '', '\ud800', '\u0000', '"} or', 'x'.repeat(40_000)]) {
      expect(await world.found('plain', { userId: odd })).toEqual([]);
      expect(await world.found('plain', { entity: 'analysis', analysisType: odd })).toEqual([]);
    }
  });

  test('queries are bounded', async () => {
    const words = (count: number): string => Array.from({ length: count }, (_, i) => i).join(' ');
    await expect(world.found('x'.repeat(2_001))).rejects.toMatchObject({ code: 'invalid_request' });
    await expect(world.found(words(101))).rejects.toMatchObject({ code: 'invalid_request' });
    expect(await world.found(words(100))).toEqual([]);
    await expect(world.found('x', { limit: 201 })).rejects.toMatchObject({ code: 'invalid_request' });
    await expect(world.found('x', { limit: 0 })).rejects.toMatchObject({ code: 'invalid_request' });
  });

  test('a frequent character at the end of a phrase is found in every word that begins with it', async () => {
    const han = Array.from({ length: 2_000 }, (_, i) => String.fromCodePoint(0x4e00 + i * 8));
    await world.put('conversation', [
      ...han.map((one, i) => conversation(`han${i}`, `gpt不${one}`, { user_id: 'many' })),
      conversation('last', 'gpt不龥', { user_id: 'many' }),
    ]);
    expect(await world.found('"gpt不" 龥', { userId: 'many' })).toEqual(['last']);
    expect(await world.found('不', { userId: 'many', limit: 5 })).toHaveLength(5);
  });
}

function testPages(world: FullTextWorld): void {
  const days = ['03', '01', '02', '02', '04'];
  beforeAll(async () => {
    const documents = days.map((day, index) => {
      const more = { user_id: `owner${index % 2}`, created_at: `2026-02-${day}T00:00:00.000000Z` };
      return conversation(`p${index}`, 'paging', { ...more, ai_response: 'paging '.repeat(index) });
    });
    await world.put('conversation', documents);
    await world.put('analysis', [
      analysis('a1', '分析简历 paging', { analysis_result: '{"skills":["数据库"]}' }),
      analysis('a2', '分析 paging', { analysis_type: 'text' }),
    ]);
  });

  test('newest first, then by id; pages are the whole, each hit once', async () => {
    expect(await world.found('paging')).toEqual(['p4', 'p0', 'p3', 'p2', 'p1']);
    for (const sort of ['newest', 'relevance'] as const) {
      const paged: string[] = [];
      let after: string | null = null;
      do {
        const page = await world.search('paging', { sort, limit: 2, after });
        paged.push(...page.hits.map(({ document }) => String(document.conversation_id)));
        after = page.next;
      } while (after !== null);
      expect(paged).toEqual(await world.found('paging', { sort }));
    }
  });

  test('the order of times is exact to the microsecond', async () => {
    const at = (micros: string) => ({ user_id: 'micro', created_at: `2026-03-01T00:00:00.000${micros}Z` });
    await world.put('conversation', [
      conversation('m1', 'instant', at('002')),
      conversation('m2', 'instant', at('003')),
      conversation('m3', 'instant', at('001')),
    ]);
    expect(await world.found('instant', { userId: 'micro' })).toEqual(['m2', 'm1', 'm3']);
  });

  test('the more relevant first; scores fall', async () => {
    const { hits } = await world.search('paging', { sort: 'relevance' });
    expect(hits).toHaveLength(5);
    const scores = hits.map(({ score }) => score);
    expect(scores.toSorted((a, b) => b - a)).toEqual(scores);
  });

  test('a Chinese word as a word goes before the same characters across a border', async () => {
    await world.put('conversation', [
      conversation('across', '产品和服务都很好', { user_id: 'rank' }),
      conversation('word', '她穿着和服很好看', { user_id: 'rank' }),
    ]);
    expect(await world.found('和服', { userId: 'rank', sort: 'relevance' })).toEqual(['word', 'across']);
  });

  test('of one user, of one type; all fields of type text are searched', async () => {
    expect(await world.found('paging', { userId: 'owner1' })).toEqual(['p3', 'p1']);
    expect(await world.found('paging', { entity: 'analysis', analysisType: 'text' })).toEqual(['a2']);
    expect(await world.found('paging', { analysisType: 'text' })).toEqual([]);
    expect(await world.found('简历 数据库', { entity: 'analysis' })).toEqual(['a1']);
  });

  test('cursors that are none are refused', async () => {
    const { next } = await world.search('paging', { limit: 1 });
    const encoded = ['[1]', 'null', '[1,2]', '{}'].map((text) => Buffer.from(text).toString('base64url'));
    for (const after of ['x', '', ...encoded]) {
      await expect(world.found('paging', { after })).rejects.toMatchObject({ code: 'invalid_cursor' });
    }
    const other = world.found('paging', { after: next, sort: 'relevance' });
    await expect(other).rejects.toMatchObject({ code: 'invalid_cursor' });
  });

  test('what expired is not found', async () => {
    await world.put('conversation', [conversation('late', 'expiring', { user_id: 'e' })], 1);
    expect(await world.found('expiring')).toEqual([]);
  });
}

function testExcerpts(world: FullTextWorld): void {
  test.each([...excerpts])('%s: %s', async (text, query, expected) => {
    expect(await world.excerpt(text, query)).toBe(expected);
  });

  test('an excerpt is of the neighbourhood, whole characters, a part of the text', async () => {
    const text = `${'😀 '.repeat(300)}needle in hay ${'𠮷'.repeat(400)} needle`;
    const excerpt = (await world.excerpt(text, 'needle hay')) ?? '';
    expect(excerpt).toContain('[needle] in [hay]');
    expect(excerpt.length).toBeLessThan(220);
    expect(excerpt.isWellFormed()).toBe(true);
    expect(text).toContain(excerpt.replace(/[[\]]/g, ''));
  });

  test('fields without a found word have none', async () => {
    await world.put('conversation', [conversation('only', 'alpha', { ai_response: 'beta', user_id: 'alone' })]);
    const { hits } = await world.search('beta', { userId: 'alone' });
    expect(Object.keys(hits[0]?.highlight ?? {})).toEqual(['ai_response']);
  });
}
