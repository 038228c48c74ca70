import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Row } from '@mindora/contracts';
import type { DocumentStore, FullTextStore } from '@mindora/stores';
import { createStore } from '@mindora/stores/create';
import {
  fill,
  principalOf,
  type StartedServices,
  startServices,
  type TemporaryDirectory,
  temporaryDirectory,
} from '@mindora/testing';
import { highlightHtml } from '../src/domain/highlight.ts';
import { createSearchService } from '../src/index.ts';

const as = principalOf('u1');
const admin = principalOf('admin_001', 'admin');
let directory: TemporaryDirectory;
let fulltext: FullTextStore;
let documents: DocumentStore;
let services: StartedServices;

function conversation(conversation_id: string, second: number, fields: Row = {}): Row {
  const created_at = `2026-01-31T12:00:0${second}.000000Z`;
  const texts = { user_input: 'How do I sort a list?', ai_response: 'Use <b>sorted</b> & be done' };
  const facts = { tags: ['conversation', 'ai_chat'], metadata: { source: 'ai_api' } };
  const row = { conversation_id, user_id: 'u1', session_id: 's1', model_name: 'm', ...texts, ...facts };
  return { ...row, created_at, updated_at: created_at, ...fields };
}

beforeEach(async () => {
  directory = await temporaryDirectory();
  fulltext = await createStore('fulltext', { directory: directory.path, dimensions: 4 });
  documents = await createStore('documents', { directory: directory.path, dimensions: 4 });
  services = await startServices(createSearchService({ fulltext, documents }));
});

afterEach(async () => {
  await services.stop();
  await Promise.all([fulltext.close(), documents.close()]);
  await directory.remove();
});

async function found(action: string, body: object, who = as): Promise<Row[]> {
  return (await services.call(`search.${action}`, { body, as: who })).results as Row[];
}

const idsOf = (rows: Row[]) => rows.map((row) => row.conversation_id ?? row.analysis_id);

describe('full text', () => {
  test('finds conversations with tags, score and safe highlights (A1.6)', async () => {
    const other = conversation('x', 3, { user_id: 'u2' });
    await fill(fulltext, 'conversation', [
      conversation('a', 1),
      conversation('b', 2, { user_input: '如何学习机器学习？', ai_response: '从数学开始' }),
      other,
    ]);
    const [hit, ...rest] = await found('conversations', { query: 'sorted' });
    expect(rest).toEqual([]);
    expect(hit).toMatchObject({ conversation_id: 'a', tags: ['conversation', 'ai_chat'], score: expect.any(Number) });
    expect(hit?.highlight).toMatchObject({ ai_response: 'Use &lt;b&gt;<em>sorted</em>&lt;/b&gt; &amp; be done' });
    expect(idsOf(await found('conversations', { query: '机器学习' }))).toEqual(['b']);
    expect(idsOf(await found('conversations', { query: 'sort', user_id: 'u2' }))).not.toContain('x');
    expect(idsOf(await found('conversations', { query: 'sort' }, admin))).toEqual(['x', 'a']);
    expect(idsOf(await found('conversations', { query: 'sort', user_id: 'u2' }, admin))).toEqual(['x']);
  });

  test('goes on by cursor, newest first', async () => {
    await fill(
      fulltext,
      'conversation',
      [1, 2, 3].map((i) => conversation(`c${i}`, i)),
    );
    const body = { query: 'list', limit: 2 };
    const first = await services.call('search.conversations', { body, as });
    expect(idsOf(first.results as Row[])).toEqual(['c3', 'c2']);
    expect(idsOf(await found('conversations', { ...body, cursor: first.next }))).toEqual(['c1']);
    await expect(found('conversations', { ...body, cursor: 'no' })).rejects.toMatchObject({ code: 'invalid_cursor' });
  });

  test('finds analyses, of one type (A1.7)', async () => {
    const analysis = (analysis_id: string, analysis_type: string): Row => ({
      analysis_id,
      user_id: 'u1',
      analysis_type,
      input_content: 'Backend engineer',
      analysis_result: '{"skills":["Go"]}',
      created_at: '2026-01-31T12:00:00.000000Z',
      tags: ['analysis', analysis_type],
    });
    await fill(fulltext, 'analysis', [analysis('a', 'resume'), analysis('b', 'other')]);
    const hits = await found('analyses', { query: 'engineer', analysis_type: 'other' });
    expect(hits).toMatchObject([{ analysis_id: 'b', tags: ['analysis', 'other'] }]);
    expect(await found('analyses', { query: 'Go' })).toHaveLength(2);
  });
});

describe('documents by filter (A1.8)', () => {
  beforeEach(async () => {
    await fill(documents, 'conversation', [
      conversation('a', 1, { context: { lang: 'en' } }),
      conversation('b', 2, { session_id: 's2' }),
      conversation('x', 3, { user_id: 'u2' }),
    ]);
  });

  test('are found newest first, with _id as a string', async () => {
    const all = await found('conversationDocuments', {});
    expect(idsOf(all)).toEqual(['b', 'a']);
    expect(all[0]?._id).toEqual(expect.any(String));
    expect(idsOf(await found('conversationDocuments', { query: { 'context.lang': 'en' } }))).toEqual(['a']);
    expect(await found('analysisDocuments', {})).toEqual([]);
  });

  test('no filter reaches what belongs to another', async () => {
    for (const query of [{ user_id: 'u2' }, { $or: [{ user_id: 'u2' }, {}] }]) {
      expect(idsOf(await found('conversationDocuments', { query }))).not.toContain('x');
    }
    expect(idsOf(await found('conversationDocuments', { query: { user_id: 'u2' } }, admin))).toEqual(['x']);
    await expect(found('conversationDocuments', { query: { $where: '1' } })).rejects.toMatchObject({
      code: 'invalid_filter',
    });
  });
});

test.each([
  ['plain', 'plain'],
  ['a \uE000b\uE001 c', 'a <em>b</em> c'],
  ['\uE000<i>&"\'\uE001', '<em>&lt;i&gt;&amp;&quot;&#39;</em>'],
  ['\uE001x\uE000', 'x'],
  ['\uE000\uE000a\uE001\uE001', '<em>a</em>'],
])('%j becomes %s', (excerpt, html) => {
  expect(highlightHtml(excerpt)).toBe(html);
});
