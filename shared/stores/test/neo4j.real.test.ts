/** What only a server does to the graph: others who write at the same time, other hands, dying, hanging, being away. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Row } from '@mindora/contracts';
import { type RunningEngine, startEngine } from '@mindora/testing/engines';
import { until } from '@mindora/testing/plain';
import { openNeo4jGraph } from '../src/graph/neo4j.ts';
import type { GraphStore } from '../src/graph/port.ts';
import type { ApplyBatch, ApplyItem } from '../src/port.ts';
import { analysis, applyConversations, conversation } from './support/graph-samples.ts';
import { handOn, neo4jOptions } from './support/neo4j.ts';
import { applyAll, faultsOf, scanAll } from './support/stores.ts';

let engine: RunningEngine;
let store: GraphStore;
let hand: ReturnType<typeof handOn>;

beforeAll(async () => {
  engine = await startEngine('neo4j');
  store = openNeo4jGraph(neo4jOptions(engine.url));
  hand = handOn(engine.url);
  await store.migrate();
});
afterAll(async () => {
  await store.close();
  await hand.end();
  await engine.stop();
});
beforeEach(() => store.wipe());

async function countOf(pattern: string): Promise<number> {
  const [row] = await hand.run<{ count: bigint }>(`MATCH ${pattern} RETURN count(*) AS count`);
  return Number(row?.count);
}

function itemOf(id: string, version: number, document: Row | null): ApplyItem {
  return { entity: 'conversation', id, version, owner: null, document, expiresAt: null };
}

describe('others who write at the same time', () => {
  /** Records of one applier; all of them share users, sessions and a model with those of the others. */
  function batchOf(applier: number, version: number): ApplyBatch {
    const items = Array.from({ length: 40 }, (_, i) => {
      const id = `c${applier}${String(i).padStart(2, '0')}`;
      const document = conversation(id, `u${(i + version) % 5}`, `s${(i + version) % 7}`, `m${(i + version) % 2}`);
      return itemOf(
        id,
        version,
        (i + version) % 4 === 0 ? null : { ...document, createdAt: '2026-01-01T00:00:00.000000Z' },
      );
    });
    // Each in another order: the store takes its locks in its own.
    return {
      items: version % 2 === 0 ? items : items.reverse(),
      positions: [{ incarnation: 'b', partition: applier, n: version }],
    };
  }

  test('appliers of the same users, sessions and models lose nothing and leave nothing over', async () => {
    const others = [1, 2, 3, 4].map((applier) => ({ applier, graph: openNeo4jGraph(neo4jOptions(engine.url)) }));
    const versions = 8;
    await Promise.all(
      others.map(async ({ applier, graph }) => {
        for (let version = 1; version <= versions; version++) {
          const results = await graph.apply(batchOf(applier, version));
          expect(results.every(({ outcome }) => outcome === 'applied')).toBe(true);
        }
        await graph.close();
      }),
    );
    const wanted = [1, 2, 3, 4].flatMap((applier) => batchOf(applier, versions).items);
    await store.refresh();
    const records = await scanAll(store, 'conversation', 100);
    expect(records.map(({ id, document, fault }) => [id, document, fault])).toEqual(
      wanted.map(({ id, document }) => [id, document, undefined]).sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
    );
    expect((await store.positions()).map(({ n }) => n)).toEqual([versions, versions, versions, versions]);
    const living = wanted.filter(({ document }) => document !== null);
    for (const [label, field] of [
      ['AIUser', 'userId'],
      ['AISession', 'sessionId'],
      ['AIModel', 'modelName'],
    ] as const) {
      expect(await countOf(`(n:${label})`)).toBe(new Set(living.map(({ document }) => document?.[field])).size);
    }
    expect(await countOf('()-[r:HAS_SESSION]->()')).toBe(living.length);
  });

  test('the last record of a shared node goes while another one comes', async () => {
    const come = (id: string, version: number): ApplyItem => itemOf(id, version, conversation(id, 'u1', 's1', 'm1'));
    const other = openNeo4jGraph(neo4jOptions(engine.url));
    for (let version = 1; version <= 20; version += 2) {
      await Promise.all([
        store.apply({ items: [come('c1', version)], positions: [] }),
        other.apply({ items: [itemOf('c2', version, null)], positions: [] }),
      ]);
      await Promise.all([
        store.apply({ items: [itemOf('c1', version + 1, null)], positions: [] }),
        other.apply({ items: [come('c2', version + 1)], positions: [] }),
      ]);
      expect(await faultsOf(store, 'conversation')).toEqual({});
      expect(await countOf('(n:AISession)<-[:HAS_SESSION]-(:AIUser)')).toBe(1);
    }
    await other.close();
  });
});

describe('other hands', () => {
  beforeEach(() => applyConversations(store, 'c1 u1 s1 m1', 'c2 u1 s1 m1'));

  async function expectWhole(): Promise<void> {
    await store.refresh();
    expect(await faultsOf(store, 'conversation')).toEqual({});
    expect(await faultsOf(store, 'analysis')).toEqual({});
  }
  const again = (...ids: string[]): Promise<void> => applyConversations(store, ...ids.map((id) => `${id} u1 s1 m1`));

  test('a node that was deleted is missing, and its edge is left over until it is applied again', async () => {
    await hand.run(`MATCH (n:AIConversation {conversationId: 'c1'}) DETACH DELETE n`);
    await store.refresh();
    expect(await faultsOf(store, 'conversation')).toEqual({ c1: 'edges stand without their node' });
    await again('c1');
    await expectWhole();
    expect(await countOf('()-[r:HAS_SESSION]->()')).toBe(2);
  });

  test('an edge that is there twice, or hangs on a node of another record', async () => {
    await hand.run(`MATCH (n:AIConversation {conversationId: 'c1'})-[r:USES_MODEL]->(m)
      CREATE (n)-[copy:USES_MODEL]->(m) SET copy = properties(r)`);
    await hand.run(`MATCH (n:AIConversation {conversationId: 'c2'}), (m:AIModel)
      CREATE (n)-[:USES_MODEL {_owner: 'conversation:c1', _user: 'u1'}]->(m)`);
    const extra = "edges are there that the record doesn't make: 1";
    expect(await faultsOf(store, 'conversation')).toEqual({ c1: extra, c2: extra });
    await again('c1', 'c2');
    await expectWhole();
  });

  test('edges and nodes that no record made are shown after a refresh, and a tombstone removes them', async () => {
    await hand.run(
      `MERGE (u:AIUser {userId: 'u8'}) MERGE (s:AISession {sessionId: 's8'}) CREATE (u)-[:HAS_SESSION]->(s)`,
    );
    await hand.run(`CREATE (:Skill {name: 'lonely'})`);
    await store.refresh();
    const edges = Object.entries(await faultsOf(store, 'conversation'));
    const nodes = Object.entries(await faultsOf(store, 'analysis'));
    expect([edges, nodes].map((faults) => faults.map(([, fault]) => fault))).toEqual([
      ['it is an edge that no record owns'],
      ['it is a node that nothing is linked to'],
    ]);
    expect((await store.user('u8', 10)).nodes).toEqual([]);
    await applyAll(
      store,
      'conversation',
      1,
      edges.map(([id]) => [id, null] as const),
    );
    await applyAll(
      store,
      'analysis',
      1,
      nodes.map(([id]) => [id, null] as const),
    );
    await store.refresh();
    // What hung on the edge only is found when it is gone.
    const bare = Object.keys(await faultsOf(store, 'conversation'));
    expect(bare).toHaveLength(2);
    await applyAll(
      store,
      'conversation',
      1,
      bare.map((id) => [id, null] as const),
    );
    await expectWhole();
    expect([await countOf('(n:AIUser)'), await countOf('(n:Skill)')]).toEqual([1, 0]);
  });

  test('a node that was given the id of a record to come gives way to it', async () => {
    await hand.run(`MATCH (n:AIConversation {conversationId: 'c1'}) SET n.conversationId = 'c3'`);
    expect(Object.keys(await faultsOf(store, 'conversation'))).toEqual(['c1']);
    await again('c3');
    expect(await faultsOf(store, 'conversation')).toEqual({ c1: 'edges stand without their node' });
    await again('c1');
    await expectWhole();
  });

  test('properties of other types, and more of them', async () => {
    await hand.run(`MATCH (n:AIConversation {conversationId: 'c1'})
      SET n.userInput = 7, n.createdAt = date(), n.planted = 'x', n._at = 'z'`);
    const { c1: fault = '' } = await faultsOf(store, 'conversation');
    for (const part of [
      'userInput is not a valid text',
      'createdAt is not a valid time',
      'not defined: 1',
      'order of time',
    ]) {
      expect(fault).toContain(part);
    }
    await again('c1');
    await expectWhole();
  });

  test('a constraint that is gone is told by health and settings, and made again', async () => {
    expect(await store.weakSettings?.()).toEqual([]);
    await hand.run('DROP CONSTRAINT mindora_aiuser_key');
    expect(await store.health()).toMatchObject({ ok: false, detail: expect.stringContaining('mindora_aiuser_key') });
    expect(await store.weakSettings?.()).toEqual(['mindora_aiuser_key is missing or failed']);
    await store.migrate();
    expect(await store.health()).toMatchObject({ ok: true });
  });

  test('what is not ours is neither wiped nor told', async () => {
    await hand.run(`CREATE (:Stranger {name: 'kept'})`);
    await store.wipe();
    expect(await countOf('(n)')).toBe(1);
    await hand.run('MATCH (n:Stranger) DELETE n');
  });
});

describe('contents', () => {
  test('keys that no index takes are refused alone', async () => {
    const long = '中'.repeat(2_000);
    const results = await store.apply({
      items: [
        itemOf('c1', 1, conversation('c1', 'u1', long, 'm1')),
        itemOf(long, 1, conversation(long, 'u1', 's1', 'm1')),
        { ...itemOf('a1', 1, analysis('a1', 'u1', ['Go', long])), entity: 'analysis' },
        itemOf('c2', 1, conversation('c2', 'u1', 's1', 'm1')),
      ],
      positions: [],
    });
    expect(results.map(({ outcome }) => outcome)).toEqual(['refused', 'refused', 'refused', 'applied']);
    expect(JSON.stringify(results)).not.toContain('中');
    expect(await countOf('(n:_Applied)')).toBe(1);
  });

  test('the full-text index finds words of both texts, Chinese ones too', async () => {
    await applyConversations(store, 'c1 u1 s1 m1', 'c2 u1 s1 m1');
    await store.refresh();
    const find = (words: string) =>
      hand.run<{ id: string }>(
        `CALL db.index.fulltext.queryNodes('mindora_text', $words) YIELD node RETURN node.conversationId AS id ORDER BY id`,
        { words },
      );
    expect(await find('c1')).toEqual([{ id: 'c1' }]);
    expect(await find('答')).toEqual([{ id: 'c1' }, { id: 'c2' }]);
  });
});

describe('a server that dies, hangs or is away', () => {
  const numbered = (n: number): ApplyBatch => ({
    items: Array.from({ length: 50 }, (_, i) => itemOf(`c${i}`, n, conversation(`c${i}`, 'u1', `s${n % 9}`, 'm1'))),
    positions: [{ incarnation: 'b', partition: 0, n }],
  });

  /** Applies one batch after the other until one fails. */
  async function applyUntilFailure(first: number): Promise<{ last: number; code: unknown }> {
    for (let n = first; ; n++) {
      try {
        await store.apply(numbered(n));
      } catch (error) {
        return { last: n - 1, code: (error as { code?: unknown }).code };
      }
    }
  }

  test('killed in the middle of applying, it is unavailable at once, and works again by itself', async () => {
    for (const round of [1, 2]) {
      const before = (await store.positions())[0]?.n ?? 0;
      const ended = applyUntilFailure(before + 1);
      await until(async () => ((await store.positions())[0]?.n ?? 0) >= before + 2 * round, 60_000);
      await engine.kill();
      const killedAt = performance.now();
      const { last, code } = await ended;
      expect(code).toBe('store_unavailable');
      await expect(store.apply(numbered(1))).rejects.toMatchObject({ code: 'store_unavailable' });
      expect(await store.health()).toMatchObject({ ok: false });
      expect(performance.now() - killedAt).toBeLessThan(20_000);
      await engine.restart();
      const position = (await store.positions())[0]?.n ?? 0;
      // What was answered is there; of the one that was not, nobody knows.
      expect([last, last + 1]).toContain(position);
      const records = await scanAll(store, 'conversation', 1000);
      expect(records.map(({ version, fault }) => [version, fault])).toEqual(records.map(() => [position, undefined]));
      await store.apply(numbered(position + 1));
    }
  });

  test('frozen, calls end within their time, and go on when it does', async () => {
    await applyConversations(store, 'c1 u1 s1 m1');
    await engine.suspend();
    const began = performance.now();
    const asked = Array.from({ length: 30 }, () => store.label());
    const results = await Promise.allSettled(asked);
    const tookMs = performance.now() - began;
    await engine.resume();
    for (const result of results) expect(result).toMatchObject({ reason: { code: 'store_unavailable' } });
    expect(tookMs).toBeLessThan(50_000);
    expect(await store.get([{ entity: 'conversation', id: 'c1' }])).toMatchObject([{ version: 1 }]);
  });

  test('away from the start, or with another password, it is made all the same, and says so', async () => {
    const port = new URL(engine.url).port;
    for (const url of ['neo4j://nobody:whisper@127.0.0.1:1', `neo4j://neo4j:whisper@127.0.0.1:${port}`]) {
      const away = openNeo4jGraph(neo4jOptions(url));
      const began = performance.now();
      const failed: unknown = await away.apply({ items: [], positions: [] }).catch((error: unknown) => error);
      expect(failed).toMatchObject({ code: 'store_unavailable' });
      expect(String(failed)).not.toMatch(/whisper/);
      expect(await away.health()).toMatchObject({ ok: false });
      expect(performance.now() - began).toBeLessThan(20_000);
      await away.close();
    }
    expect(() => openNeo4jGraph(neo4jOptions('whisper'))).toThrow(expect.not.stringContaining('whisper') as never);
  });
});
