import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Row } from '@mindora/contracts';
import { systemClock } from '@mindora/runtime';
import fc from 'fast-check';
import type { FullTextStore, TextQuery } from '../src/fulltext/port.ts';
import { openFullTextStore } from '../src/fulltext/sqlite.ts';
import { applyAll, storeFile } from './support/stores.ts';

const { file, remove } = storeFile();
let store: FullTextStore;

beforeAll(async () => {
  store = openFullTextStore({ file, clock: systemClock() });
  await store.migrate();
});
afterAll(async () => {
  await store.close();
  remove();
});

function conversation(id: string, userInput: string, more: Row = {}): Row {
  return {
    conversation_id: id,
    user_id: 'u1',
    session_id: 's1',
    user_input: userInput,
    ai_response: '',
    model_name: 'm',
    created_at: '2026-01-01T00:00:00.000000Z',
    tags: ['conversation'],
    metadata: { hidden: 'metadataword' },
    ...more,
  };
}

function analysis(id: string, input: string, more: Row = {}): Row {
  return {
    analysis_id: id,
    user_id: 'u1',
    analysis_type: 'cv',
    input_content: input,
    analysis_result: '',
    confidence_score: 0.5,
    processing_time: 1,
    created_at: '2026-01-01T00:00:00.000000Z',
    tags: [],
    metadata: null,
    ...more,
  };
}

async function found(query: string, more: Partial<TextQuery> = {}): Promise<string[]> {
  const page = await store.search({ ...everything, query, ...more });
  return page.hits.map(({ document }) => String(document[page.hits.length > 0 ? keyOf(more.entity) : '']));
}

function keyOf(entity: TextQuery['entity'] = 'conversation'): string {
  return entity === 'conversation' ? 'conversation_id' : 'analysis_id';
}

const everything = {
  entity: 'conversation',
  userId: null,
  analysisType: null,
  limit: 200,
  sort: 'newest',
  after: null,
} as const;

/** Puts one document as the only one and asks whether a query finds it. */
async function finds(document: string, query: string): Promise<boolean> {
  await applyAll(store, 'conversation', nextVersion(), [
    ['only', conversation('only', document, { user_id: 'alone' })],
  ]);
  return (await found(query, { userId: 'alone' })).length === 1;
}

let version = 0;
function nextVersion(): number {
  version += 1;
  return version;
}

describe('words are found however the text is divided', () => {
  test.each([
    ['中华人民共和国成立了', '人民'],
    ['中华人民共和国成立了', '共和国'],
    ['中华人民共和国成立了', '中华'],
    ['中华人民共和国成立了', '人民共和国'],
    ['中华人民共和国成立了', '国'],
    ['南京市长江大桥', '长江大桥'],
    ['南京市长江大桥', '南京市'],
    ['南京市长江大桥', '市长'],
    ['产品和服务', '和服'],
    ['他在研究生命起源', '研究生'],
    ['他在研究生命起源', '生命'],
    ['我爱自然语言处理', '语言'],
    ['我在清华大学读书', '清华'],
    ['我在清华大学读书', '大学'],
    ['机器学习与深度学习', '学习'],
    ['请问怎么退款', '退款 怎么'],
    ['今天天气真好', '天气 今天'],
    ['王小明是工程师', '小明'],
    ['臺灣大學電腦科學系', '電腦'],
    ['臺灣大學電腦科學系', '臺灣大學'],
    ['臺灣大學電腦科學系', '科學'],
    ['臺灣大學電腦科學系', '灣'],
    ['請問機器學習是什麼', '機器學習'],
    ['請問機器學習是什麼', '學習'],
    ['香港特別行政區政府', '行政區'],
    ['用Python爬取网页', 'python 网页'],
    ['用Python爬取网页', '"Python爬取"'],
    ['𠮷野家の牛丼', '𠮷野'],
    ['東京の天気はどうですか', '天気'],
    ['東京の天気はどうですか', '東京の天気'],
    ['コンピュータを買う', 'ｺﾝﾋﾟｭｰﾀ'],
    ['ภาษาไทยเป็นภาษาที่สวยงาม', 'ภาษา'],
    ['ภาษาไทยเป็นภาษาที่สวยงาม', 'ไทย สวยงาม'],
    ['ភាសាខ្មែរគឺជាភាសា', 'ខ្មែរ'],
    ['ພາສາລາວເປັນພາສາ', 'ລາວ'],
    ['မြန်မာဘာသာစကား', 'ဘာသာ'],
    ['한국어를 공부합니다', '한국어'],
    ['한국어를 공부합니다', '공부'],
    ['tiếng Việt rất đẹp', 'TIẾNG VIỆT'],
    ['tie\u0302\u0301ng Vie\u0323\u0302t', 'tiếng việt'],
    ['أحب اللغة العربية كثيرا', 'العربية'],
    ['أُحِبُّ اللُّغَةَ', 'احب اللغة'],
    ['मुझे हिन्दी भाषा पसंद है', 'हिन्दी'],
    ['אני אוהב את השפה העברית', 'העברית'],
    ['שָׁלוֹם עולם', 'שלום'],
    ['Grüße aus Straße', 'STRASSE grüße'],
    ['Ὀδυσσεύς', 'ὈΔΥΣΣΕΎΣ'],
    ['ＦＵＬＬ ｗｉｄｔｈ １２３', 'full width 123'],
    ['pi is 3.14 on 2026-11-22', '3.14'],
    ['pi is 3.14 on 2026-11-22', '2026-11-22'],
    ['he knows C++ and C#', 'c++'],
    ['he knows C++ and C#', 'c# C'],
    ["that's the user's file", "user's"],
    ["that's the user's file", 'user'],
    ['party 🎉 with 👍🏽', '🎉 👍'],
    ['flag 🇨🇳', '🇨🇳'],
    ['mail me@example.com now', 'me@example.com'],
  ])('%s: %s', async (document, query) => {
    expect(await finds(document, query)).toBe(true);
  });

  test.each([
    ['我们人人都爱民歌', '人民'],
    ['国共两党', '共国'],
    ['人民 共和国', '"人民共和国"'],
    ['今天天气真好', '天气 明天'],
    ['cats and dogs', 'cat'],
    ['hello big world', '"hello world"'],
    ['number 3 and 14', '3.14'],
    ['he knows C', 'C++'],
    ['flag 🇨🇳', '🇳🇨'],
    ['anything', ''],
    ['anything', ' ,.!? '],
  ])('%s is not found by: %s', async (document, query) => {
    expect(await finds(document, query)).toBe(false);
  });

  test('every text is found by itself and by each part of it', async () => {
    const samples = [
      '中华人民共和国',
      '臺灣大學',
      ' ',
      'Python',
      '，',
      '天気は',
      'ภาษาไทย',
      '한국어를',
      '3.14',
      '😀',
      '𠮷',
      'a',
      '\n',
    ];
    const text = fc.array(fc.constantFrom(...samples), { minLength: 1, maxLength: 8 }).map((parts) => parts.join(''));
    await fc.assert(
      fc.asyncProperty(text, fc.nat(), fc.nat(), async (document, a, b) => {
        const unspaced = Array.from(document.replace(/[^\p{Script=Han}]/gu, ''));
        const part = unspaced.slice(a % (unspaced.length + 1)).slice(0, 1 + (b % 4));
        const query = document.includes(part.join('')) && part.length > 0 ? part.join('') : document;
        const words = /[\p{L}\p{N}\p{Extended_Pictographic}]/u.test(query);
        expect(await finds(document, query)).toBe(words);
        expect(await finds(document, document)).toBe(/[\p{L}\p{N}\p{Extended_Pictographic}]/u.test(document));
      }),
      { numRuns: 60 },
    );
  });

  test('nothing of a query is syntax', async () => {
    await applyAll(store, 'conversation', 1, [
      ['syntax', conversation('syntax', 'plain words OR near', { user_id: 'x' })],
    ]);
    const queries = [
      'a OR b',
      'NOT x',
      'user_input : plain',
      'plain*',
      '^plain',
      'NEAR(plain words)',
      '{plain}',
      '"',
      '"""',
      "'; --",
    ];
    for (const query of [
      ...queries,
      '(',
      ')',
      '+',
      '#',
      'plain AND',
      '“plain',
      '\u0000',
      '\ud800',
      'chinese_words:x',
    ]) {
      expect(Array.isArray(await found(query, { userId: 'x' }))).toBe(true);
    }
    expect(await found('plain AND', { userId: 'x' })).toEqual([]);
    expect(await found('or NEAR', { userId: 'x' })).toEqual(['syntax']);
    expect(await found('metadataword')).toEqual([]);
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 30 }), (query) => found(query).then(() => true)),
    );
  });

  test('queries are bounded', async () => {
    await expect(found('x'.repeat(2_001))).rejects.toMatchObject({ code: 'invalid_request' });
    await expect(found(Array.from({ length: 101 }, (_, i) => i).join(' '))).rejects.toMatchObject({
      code: 'invalid_request',
    });
    expect(await found(Array.from({ length: 100 }, (_, i) => i).join(' '))).toEqual([]);
    await expect(found('x', { limit: 201 })).rejects.toMatchObject({ code: 'invalid_request' });
    await expect(found('x', { limit: 0 })).rejects.toMatchObject({ code: 'invalid_request' });
  });
});

describe('order, filters and pages', () => {
  const times = ['03', '01', '02', '02', '04'];
  beforeAll(async () => {
    const documents = times.map((day, index) => {
      const more = { user_id: `owner${index % 2}`, created_at: `2026-02-${day}T00:00:00.000000Z` };
      return [
        `p${index}`,
        conversation(`p${index}`, 'paging', { ...more, ai_response: 'paging '.repeat(index) }),
      ] as const;
    });
    await applyAll(store, 'conversation', 1, documents);
    await applyAll(store, 'analysis', 1, [
      ['a1', analysis('a1', '分析简历 paging', { analysis_result: '{"skills":["数据库"]}' })],
      ['a2', analysis('a2', '分析 paging', { analysis_type: 'text' })],
    ]);
  });

  test('newest first, then by id; pages are the whole, each hit once', async () => {
    expect(await found('paging')).toEqual(['p4', 'p0', 'p3', 'p2', 'p1']);
    for (const sort of ['newest', 'relevance'] as const) {
      const whole = await found('paging', { sort });
      const paged: string[] = [];
      let after: string | null = null;
      do {
        const page = await store.search({ ...everything, query: 'paging', sort, limit: 2, after });
        paged.push(...page.hits.map(({ document }) => String(document.conversation_id)));
        after = page.next;
      } while (after !== null);
      expect(paged).toEqual(whole);
    }
  });

  test('the more relevant first; scores fall', async () => {
    const { hits } = await store.search({ ...everything, query: 'paging', sort: 'relevance' });
    expect(hits).toHaveLength(5);
    const scores = hits.map(({ score }) => score);
    expect(scores.toSorted((a, b) => b - a)).toEqual(scores);
  });

  test('a Chinese word as a word goes before the same characters across a border', async () => {
    await applyAll(store, 'conversation', 1, [
      ['across', conversation('across', '产品和服务都很好', { user_id: 'rank' })],
      ['word', conversation('word', '她穿着和服很好看', { user_id: 'rank' })],
    ]);
    expect(await found('和服', { userId: 'rank', sort: 'relevance' })).toEqual(['word', 'across']);
  });

  test('of one user, of one type; all fields of type text are searched', async () => {
    expect(await found('paging', { userId: 'owner1' })).toEqual(['p3', 'p1']);
    expect(await found('paging', { entity: 'analysis', analysisType: 'text' })).toEqual(['a2']);
    expect(await found('paging', { analysisType: 'text' })).toEqual([]);
    expect(await found('简历 数据库', { entity: 'analysis' })).toEqual(['a1']);
  });

  test('cursors that are none are refused', async () => {
    const { next } = await store.search({ ...everything, query: 'paging', limit: 1 });
    for (const after of [
      'x',
      '',
      Buffer.from('[1]').toString('base64url'),
      Buffer.from('null').toString('base64url'),
    ]) {
      await expect(found('paging', { after })).rejects.toMatchObject({ code: 'invalid_cursor' });
    }
    await expect(found('paging', { after: next, sort: 'relevance' })).rejects.toMatchObject({ code: 'invalid_cursor' });
  });

  test('what expired is not found', async () => {
    const document = conversation('late', 'expiring', { user_id: 'e' });
    const item = { entity: 'conversation', id: 'late', version: 1, owner: null, document, expiresAt: 1 } as const;
    await store.apply({ items: [item], position: null });
    expect(await found('expiring')).toEqual([]);
  });
});

describe('highlight', () => {
  const marked = async (text: string, query: string): Promise<string | undefined> => {
    await applyAll(store, 'conversation', nextVersion(), [['only', conversation('only', text, { user_id: 'alone' })]]);
    const { hits } = await store.search({ ...everything, query, userId: 'alone' });
    return hits[0]?.highlight.user_input?.replaceAll('\uE000', '[').replaceAll('\uE001', ']');
  };

  test.each([
    ['中华人民共和国成立了', '人民', '中华[人民]共和国成立了'],
    ['中华人民共和国成立了', '国', '中华人民共和[国]成立了'],
    ['Ｈｅｌｌｏ, big WORLD!', 'hello world', '[Ｈｅｌｌｏ], big [WORLD]!'],
    ['café au lait', 'CAFÉ', '[café] au lait'],
    ['cafe\u0301 au lait', 'café', '[cafe\u0301] au lait'],
    ['a 👍🏽 b', '👍', 'a [👍🏽] b'],
    ['ﬁne print', 'fine', '[ﬁne] print'],
    ['now "hello world" twice, hello', '"hello world"', 'now "[hello world]" twice, hello'],
    ['pi is 3.14', '3.14', 'pi is [3.14]'],
    ['x\uE000y\uE001z plain', 'plain', 'xyz [plain]'],
  ])('%s: %s', async (text, query, expected) => {
    expect(await marked(text, query)).toBe(expected);
  });

  test('an excerpt is of the neighbourhood, whole characters, a part of the text', async () => {
    const text = `${'😀 '.repeat(300)}needle in hay ${'𠮷'.repeat(400)} needle`;
    const excerpt = (await marked(text, 'needle hay')) ?? '';
    expect(excerpt).toContain('[needle] in [hay]');
    expect(excerpt.length).toBeLessThan(220);
    expect(excerpt.isWellFormed()).toBe(true);
    expect(text).toContain(excerpt.replace(/[[\]]/g, ''));
  });

  test('fields without a found word have none', async () => {
    await applyAll(store, 'conversation', nextVersion(), [
      ['only', conversation('only', 'alpha', { ai_response: 'beta', user_id: 'alone' })],
    ]);
    const { hits } = await store.search({ ...everything, query: 'beta', userId: 'alone' });
    expect(Object.keys(hits[0]?.highlight ?? {})).toEqual(['ai_response']);
  });
});
