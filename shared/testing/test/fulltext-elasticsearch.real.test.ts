/** What only a server can do to a store: other hands, other settings, other analyzers, and being away. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Json, Row } from '@mindora/contracts';
import { systemClock } from '@mindora/runtime';
import type { ApplyItem, ApplyResult, FullTextStore, StoredRecord } from '@mindora/stores';
import { openElasticFullText } from '@mindora/stores/fulltext/elasticsearch';
import { conversation } from '../src/fulltext/world.ts';
import { until } from '../src/until.ts';
import { ask, namespaceOf, openElastic } from './drivers/elasticsearch.ts';

const directory = 'hands';
const index = `${namespaceOf(directory)}ai_conversations`;
const document = `/${index}/_doc`;
const stranger = 'stranger_ai_conversations';
let store: FullTextStore;

beforeAll(async () => {
  store = await openElastic(directory);
  await store.migrate();
  await ask('PUT', `/${stranger}/_doc/a?refresh=true`, { theirs: true });
});
afterAll(async () => {
  await store.wipe();
  await store.close();
  await ask('DELETE', `/${stranger}`);
});
beforeEach(() => store.wipe());

function item(id: string, version: number, text = `words of ${id}`): ApplyItem {
  const row: Row = conversation(id, text);
  return { entity: 'conversation', id, version, owner: 'u1', document: row, expiresAt: null };
}

function deletion(id: string, version: number): ApplyItem {
  return { ...item(id, version), document: null };
}

function apply(...items: readonly ApplyItem[]): Promise<ApplyResult[]> {
  return store.apply({ items, positions: [] });
}

async function put(...items: readonly ApplyItem[]): Promise<void> {
  expect(await apply(...items)).toEqual(items.map(() => ({ outcome: 'applied' })));
}

async function get(id: string): Promise<StoredRecord | null> {
  const [record = null] = await store.get([{ entity: 'conversation', id }]);
  return record;
}

async function search(query: string): Promise<string[]> {
  const filters = { userId: null, analysisType: null, limit: 100, sort: 'newest', after: null } as const;
  const { hits } = await store.search({ entity: 'conversation', query, ...filters });
  return hits.map((hit) => String(hit.document.conversation_id));
}

async function scan(): Promise<readonly StoredRecord[]> {
  await store.refresh();
  return (await store.scan('conversation', null, 100)).records;
}

const updated = (id: string, doc: Json) => ask('POST', `/${index}/_update/${id}`, { doc });

describe('versions', () => {
  test('what was deleted stays deleted after the engine forgot the version of the deletion', async () => {
    await ask('PUT', `/${index}/_settings`, { 'index.gc_deletes': '1s' });
    await put(item('a', 1));
    await put(deletion('a', 3));
    await ask('PUT', `${document}/control?version=3&version_type=external`, { conversation_id: 'control' });
    await ask('DELETE', `${document}/control?version=4&version_type=external`);
    // The engine's own guard has forgotten once it takes an older version of something deleted later.
    const path = `${document}/control?version=1&version_type=external`;
    const forgot = () => ask('PUT', path, { conversation_id: 'control' }).then(Boolean, () => false);
    await until(forgot, 30_000);
    expect(await apply(item('a', 2))).toEqual([{ outcome: 'stale', version: 3 }]);
    expect(await get('a')).toMatchObject({ version: 3, deleted: true, document: null });
    expect(await search('words')).toEqual([]);
  });

  test("another hand's writes raise the engine's version, and stand in nobody's way", async () => {
    await put(item('a', 1));
    for (let i = 0; i < 5; i++) await updated('a', { user_input: `forged ${i}` });
    expect(await apply(item('a', 1))).toEqual([{ outcome: 'applied' }]);
    expect(await get('a')).toMatchObject({ version: 1, document: { user_input: 'words of a' } });
    expect(await apply(item('a', 2), item('a', 3), item('a', 2))).toEqual([
      { outcome: 'stale', version: 3 },
      { outcome: 'applied' },
      { outcome: 'stale', version: 3 },
    ]);
    expect(await apply(item('a', 2))).toEqual([{ outcome: 'stale', version: 3 }]);
    expect(await get('a')).toMatchObject({ version: 3 });
  });

  test('what another hand deleted comes back with the same version', async () => {
    await put(item('a', 4));
    await ask('DELETE', `${document}/a`);
    expect(await get('a')).toBeNull();
    await put(item('a', 4));
    expect(await get('a')).toMatchObject({ version: 4, deleted: false });
  });

  test('50 writers of a record that another hand touched end at the highest version', async () => {
    await put(item('a', 1));
    for (let i = 0; i < 60; i++) await updated('a', { model_name: `m${i}` });
    const versions = Array.from({ length: 50 }, (_, i) => ((i * 37) % 50) + 2);
    await Promise.all(versions.map((version) => apply(item('a', version))));
    expect(await get('a')).toMatchObject({ version: 51 });
  });
});

describe('damage by another hand', () => {
  test('a partial update loses what the document is found by: a fault, mended by applying it again', async () => {
    await put(item('a', 1), item('b', 1));
    // An update that changes nothing isn't one.
    await updated('a', { model_name: 'm' });
    await store.refresh();
    expect(await search('words')).toEqual(['b', 'a']);
    await updated('a', { model_name: 'other' });
    expect(await scan()).toMatchObject([{ id: 'a', fault: 'the text index lacks the document' }, { id: 'b' }]);
    expect(await search('words')).toEqual(['b']);
    await put(item('a', 1));
    expect((await scan()).filter(({ fault }) => fault !== undefined)).toEqual([]);
    expect(await search('words')).toEqual(['b', 'a']);
  });

  test('another text than the one it is found by', async () => {
    await put(item('a', 1));
    const sync = { version: 1, deleted: false };
    const tokens = { user_input: 'words of a', of: 'something else' };
    await ask('PUT', `${document}/a`, { ...conversation('a', 'forged'), sync, tokens });
    expect(await scan()).toMatchObject([{ id: 'a', fault: 'the text index holds another text' }]);
  });

  test('a tombstone that was given a text', async () => {
    await put(deletion('a', 2));
    await updated('a', { user_input: 'back' });
    expect(await scan()).toMatchObject([{ deleted: true, fault: 'a document stands where a tombstone should' }]);
  });

  test('what others wrote is reported, under an id of its own where it has none, and can be deleted', async () => {
    await put(item('b', 1));
    await ask('PUT', `${document}/c`, conversation('c', 'foreign'));
    await ask('PUT', `${document}/auto`, conversation('b', 'foreign'));
    await ask('PUT', `${document}/keyless`, { user_id: 'nobody' });
    const versions = (await scan()).map(({ id, version }) => [id, version]);
    expect(versions).toEqual([
      ['#entry-auto', null],
      ['#entry-keyless', null],
      ['b', 1],
      ['c', null],
    ]);
    const paged: string[] = [];
    for (let after: string | null = null; paged.length < 4; ) {
      const page = await store.scanVersions('conversation', after, 1);
      paged.push(...page.records.map(({ id }) => id));
      after = page.next;
    }
    expect(paged).toEqual(versions.map(([id]) => id));
    await put(deletion('#entry-auto', 1), deletion('#entry-keyless', 1), deletion('c', 1));
    const left = (await scan()).filter(({ deleted }) => !deleted);
    expect(left).toMatchObject([{ id: 'b', version: 1 }]);
  });
});

describe('indices', () => {
  test('an index that is gone is not made by guessing: the store loses its label, and is made anew', async () => {
    await store.apply({ items: [item('a', 1)], positions: [{ incarnation: 'bus', partition: 0, n: 1 }] });
    await store.setLabel('filled');
    await ask('DELETE', `/${index}`);
    expect(await store.label()).toBeNull();
    await expect(apply(item('a', 2))).rejects.toMatchObject({ code: 'store_unavailable' });
    expect(await ask('GET', `/${index}`)).toMatchObject({ status: 404 });
    await store.migrate();
    expect(await store.label()).toBeNull();
    expect(await store.positions()).toHaveLength(1);
    await put(item('a', 2));
  });

  test('an index made for other definitions is made anew, and the label goes', async () => {
    await put(item('a', 1));
    await store.setLabel('filled');
    await ask('PUT', `/${index}/_mapping`, { _meta: { layout: 'older', analysis: 'cjk' } });
    await store.migrate();
    expect(await store.label()).toBeNull();
    expect(await get('a')).toBeNull();
  });

  test('the best analyzer on offer is used; an index made with another one is told of', async () => {
    const mapping = JSON.stringify(await ask('GET', `/${index}/_mapping`));
    const [, used = ''] = /"analysis":"(\w+)"/.exec(mapping) ?? [];
    expect(['ik', 'smartcn']).toContain(used);
    expect(mapping).toContain('"dynamic":"strict"');
    expect(mapping).toContain('"metadata":{"type":"object","enabled":false}');
    expect(store.engine).toMatch(new RegExp(`^Elasticsearch 8\\.\\d+\\.\\d+ \\(${used}\\)$`));
    const [, layout = ''] = /"layout":"(\w+)"/.exec(mapping) ?? [];
    await ask('PUT', `/${index}/_mapping`, { _meta: { layout, analysis: 'standard' } });
    await store.migrate();
    const { ok, detail } = await store.health();
    expect([ok, detail]).toEqual([true, expect.stringContaining(`now offers ${used}`)]);
    await store.wipe();
    expect((await store.health()).detail).not.toContain('now offers');
  });

  test('a wipe leaves the indices of others alone', async () => {
    await store.wipe();
    expect(await ask('GET', `/${stranger}/_doc/a`)).toMatchObject({ _source: { theirs: true } });
  });

  test('settings that could lose what was acknowledged are told, with what to set', async () => {
    expect(await store.weakSettings?.()).toEqual([]);
    await ask('PUT', `/${index}/_settings`, { 'index.translog.durability': 'async' });
    const [weak, ...others] = (await store.weakSettings?.()) ?? [];
    expect(weak).toMatch(/index\.translog\.durability .*async.*request/);
    expect(others).toEqual([]);
  });
});

describe('answers of the engine', () => {
  afterEach(() => ask('PUT', `/${index}/_settings`, { 'index.blocks.write': null }));

  test('what the engine refuses for its content is refused alone', async () => {
    let deep: Json = 0;
    for (let i = 0; i < 1_500; i++) deep = [deep];
    const bad = { ...item('bad', 1), document: { ...conversation('bad', 'text'), metadata: deep } };
    const results = await apply(item('a', 1), bad, item('b', 1));
    expect(results.map(({ outcome }) => outcome)).toEqual(['applied', 'refused', 'applied']);
    expect(await get('bad')).toBeNull();
  });

  test('an index that takes no writes is a fault of the store, not of the records', async () => {
    await ask('PUT', `/${index}/_settings`, { 'index.blocks.write': true });
    await expect(apply(item('a', 1))).rejects.toMatchObject({ code: 'store_unavailable' });
    await ask('PUT', `/${index}/_settings`, { 'index.blocks.write': null });
    await put(item('a', 1));
  });

  test('values too long for a filter are held all the same', async () => {
    const long = '中'.repeat(40_000);
    const row = { ...conversation('a', 'words'), session_id: long, tags: [long] };
    await put({ ...item('a', 1), document: row });
    expect(await get('a')).toMatchObject({ document: { session_id: long, tags: [long] } });
    expect(await search('words')).toEqual(['a']);
  });
});

describe('when queries see it', () => {
  test('at once for who asked for the record', async () => {
    for (let version = 1; version <= 20; version++) {
      await put(item('a', version, `round ${version}`));
      await get('a');
      expect(await search(`"round ${version}"`)).toEqual(['a']);
    }
  });

  test('for everybody, by itself', async () => {
    await put(item('a', 1, 'unasked'));
    await until(async () => (await search('unasked')).length === 1, 20_000);
  });
});

test('a server that is away is store_unavailable, soon, for every call', async () => {
  const away = openElasticFullText({
    connection: { url: 'http://127.0.0.1:9', namespace: 'x_' },
    clock: systemClock(),
  });
  const began = Date.now();
  const key = { entity: 'conversation', id: 'a' } as const;
  const calls = [
    away.migrate(),
    away.apply({ items: [item('a', 1)], positions: [] }),
    away.get([key]),
    away.scan('conversation', null, 1),
    away.refresh(),
    away.label(),
    away.positions(),
    away.wipe(),
    away.purge(0),
  ];
  for (const call of await Promise.allSettled(calls)) {
    expect(call).toMatchObject({ status: 'rejected', reason: { code: 'store_unavailable' } });
  }
  expect(await away.health()).toMatchObject({ ok: false });
  expect(Date.now() - began).toBeLessThan(10_000);
  await away.close();
});
