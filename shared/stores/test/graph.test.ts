import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Row } from '@mindora/contracts';
import { systemClock } from '@mindora/runtime';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { shortestPath } from '../src/graph/paths.ts';
import type { GraphStore, Subgraph } from '../src/graph/port.ts';
import { openGraphStore } from '../src/graph/sqlite.ts';
import { applyAll, faultsOf, scanAll, storeFile } from './support/stores.ts';

let file: string;
let remove: () => void;
let store: GraphStore;

/** `c1 of u1 in s1 by m1`: a conversation, the later the greater its number. */
function conversation(id: string, userId: string, sessionId: string, modelName: string): Row {
  const createdAt = `2026-01-${id.slice(1).padStart(2, '0')}T00:00:00.000000Z`;
  return { conversationId: id, userId, sessionId, modelName, userInput: `问 ${id}`, aiResponse: `答 ${id}`, createdAt };
}

function analysis(id: string, userId: string, skills: string[]): Row {
  return { analysisId: id, userId, analysisType: 'cv', skills, createdAt: '2026-01-01T00:00:00.000000Z' };
}

async function applyConversations(...lines: string[]): Promise<void> {
  const documents = lines.map((line) => {
    const [id = '', userId = '', sessionId = '', modelName = ''] = line.split(' ');
    return [id, conversation(id, userId, sessionId, modelName)] as const;
  });
  await applyAll(store, 'conversation', 1, documents);
}

function names({ nodes }: Subgraph): string[] {
  return nodes.map(({ label, key }) => `${label}:${key}`).sort();
}

function edges({ edges: found }: Subgraph): string[] {
  return found.map(({ type, from, to }) => `${from} ${type} ${to}`).sort();
}

beforeEach(async () => {
  ({ file, remove } = storeFile());
  store = openGraphStore({ file, clock: systemClock() });
  await store.migrate();
});
afterEach(async () => {
  await store.close();
  remove();
});

describe('the graph of records', () => {
  test('a user with sessions, conversations, models and skills', async () => {
    await applyConversations('c1 u1 s1 m1', 'c2 u1 s1 m2', 'c3 u2 s2 m1');
    await applyAll(store, 'analysis', 1, [['a1', analysis('a1', 'u1', ['SQL', 'Go', 'SQL'])]]);
    await store.relate('c2', 'e', [{ id: 'c1', score: 0.5 }]);
    const subgraph = await store.user('u1', 10);
    expect(names(subgraph)).toEqual([
      'AIConversation:c1',
      'AIConversation:c2',
      'AIModel:m1',
      'AIModel:m2',
      'AISession:s1',
      'AIUser:u1',
      'Skill:Go',
      'Skill:SQL',
    ]);
    expect(edges(subgraph)).toEqual([
      'AIConversation:c1 USES_MODEL AIModel:m1',
      'AIConversation:c2 RELATED_TO AIConversation:c1',
      'AIConversation:c2 USES_MODEL AIModel:m2',
      'AISession:s1 CONTAINS_CONVERSATION AIConversation:c1',
      'AISession:s1 CONTAINS_CONVERSATION AIConversation:c2',
      'AIUser:u1 HAS_SESSION AISession:s1',
      'AIUser:u1 HAS_SKILL Skill:Go',
      'AIUser:u1 HAS_SKILL Skill:SQL',
    ]);
    expect(subgraph.truncated).toBe(false);
    const node = subgraph.nodes.find(({ key }) => key === 'c1');
    expect(node?.properties).toEqual(conversation('c1', 'u1', 's1', 'm1'));
  });

  test('the newest come first where there are more than the limit; an unknown user has nothing', async () => {
    await applyConversations('c1 u1 s1 m1', 'c3 u1 s1 m1', 'c2 u1 s1 m1');
    const subgraph = await store.user('u1', 2);
    expect(names(subgraph).filter((name) => name.startsWith('AIConversation'))).toEqual([
      'AIConversation:c2',
      'AIConversation:c3',
    ]);
    expect(subgraph.truncated).toBe(true);
    expect(await store.user('nobody', 2)).toEqual({ nodes: [], edges: [], truncated: false });
  });

  test('shared nodes live as long as a record needs them', async () => {
    await applyConversations('c1 u1 s1 m1', 'c2 u1 s1 m1');
    await applyAll(store, 'analysis', 1, [['a1', analysis('a1', 'u1', ['SQL'])]]);
    await applyAll(store, 'conversation', 2, [['c1', null]]);
    expect(names(await store.user('u1', 10))).toContain('AISession:s1');
    await applyAll(store, 'conversation', 2, [['c2', null]]);
    expect(names(await store.user('u1', 10))).toEqual(['AIUser:u1', 'Skill:SQL']);
    await applyAll(store, 'analysis', 2, [['a1', null]]);
    expect((await store.user('u1', 10)).nodes).toEqual([]);
    expect(await store.skills(null, 10)).toEqual([]);
  });

  test('an update moves the edges', async () => {
    await applyConversations('c1 u1 s1 m1');
    await applyAll(store, 'conversation', 2, [['c1', conversation('c1', 'u1', 's2', 'm2')]]);
    expect(names(await store.user('u1', 10))).toEqual(['AIConversation:c1', 'AIModel:m2', 'AISession:s2', 'AIUser:u1']);
  });

  test('a chain is in order of time, of one user where asked', async () => {
    await applyConversations('c2 u1 s1 m1', 'c1 u1 s1 m1', 'c3 u2 s1 m1', 'c4 u1 s2 m1');
    const keys = async (userId: string | null, limit = 10): Promise<string[]> =>
      (await store.chain('s1', limit, userId)).map(({ key }) => key);
    expect(await keys(null)).toEqual(['c1', 'c2', 'c3']);
    expect(await keys('u1')).toEqual(['c1', 'c2']);
    expect(await keys(null, 1)).toEqual(['c1']);
  });

  test('skills with their users', async () => {
    await applyAll(store, 'analysis', 1, [
      ['a1', analysis('a1', 'u1', ['SQL', 'Go'])],
      ['a2', analysis('a2', 'u2', ['SQL'])],
      ['a3', analysis('a3', 'u2', ['SQL', '数据分析'])],
    ]);
    expect(await store.skills(null, 2)).toEqual([
      { skill: 'SQL', users: 2 },
      { skill: 'Go', users: 1 },
    ]);
    expect((await store.skills('u2', 10)).map(({ skill }) => skill)).toEqual(['SQL', '数据分析']);
  });
});

describe('RELATED_TO', () => {
  beforeEach(() => applyConversations('c1 u1 s1 m1', 'c2 u1 s1 m1', 'c3 u2 s2 m2', 'c4 u3 s3 m3'));

  test('best first, only between the living, replaced as a whole, of one user where asked', async () => {
    await store.relate('c1', 'e', [{ id: 'c2', score: 0.1 }]);
    const relations = [
      { id: 'c2', score: 0.5 },
      { id: 'c3', score: 0.9 },
      { id: 'gone', score: 1 },
      { id: 'c1', score: 1 },
    ];
    await store.relate('c1', 'e', relations);
    await store.relate('gone', 'e', [{ id: 'c1', score: 1 }]);
    const ids = async (userId: string | null): Promise<unknown[]> =>
      (await store.related('c1', 10, userId)).map(({ id, score }) => [id, score]);
    expect(await ids(null)).toEqual([
      ['c3', 0.9],
      ['c2', 0.5],
    ]);
    expect(await ids('u1')).toEqual([['c2', 0.5]]);
    expect(await ids('u2')).toEqual([]);
    expect(await store.deadRelations('e', 10)).toEqual([]);
    expect((await scanAll(store, 'conversation')).some(({ fault }) => fault !== undefined)).toBe(false);
  });

  test('goes with either end, and stays when an end changes', async () => {
    await store.relate('c1', 'e', [{ id: 'c2', score: 0.5 }]);
    await store.relate('c2', 'e', [{ id: 'c3', score: 0.5 }]);
    await applyAll(store, 'conversation', 2, [['c1', conversation('c1', 'u1', 's1', 'm1')]]);
    expect(await store.related('c1', 10, null)).toHaveLength(1);
    await applyAll(store, 'conversation', 3, [['c2', null]]);
    await applyAll(store, 'conversation', 4, [['c2', conversation('c2', 'u1', 's1', 'm1')]]);
    expect(await store.related('c1', 10, null)).toEqual([]);
    expect(await store.related('c2', 10, null)).toEqual([]);
  });

  test('of another model, or left behind by another hand, is dead until it is removed', async () => {
    await store.relate('c1', 'old', [{ id: 'c2', score: 0.5 }]);
    await store.relate('c3', 'new', [{ id: 'c4', score: 0.5 }]);
    const raw = new Database(file);
    raw.prepare('INSERT INTO related_to VALUES (?, ?, ?, ?)').run('c4', 'gone', 'new', 1);
    raw.close();
    const dead = await store.deadRelations('new', 10);
    expect(dead).toEqual([
      ['c1', 'c2'],
      ['c4', 'gone'],
    ]);
    expect(await store.deadRelations('new', 1)).toHaveLength(1);
    await store.removeRelations(dead);
    expect(await store.deadRelations('new', 10)).toEqual([]);
    expect(await store.related('c3', 10, null)).toHaveLength(1);
  });

  test('similar users share models, skills, related conversations; what few have weighs more', async () => {
    await applyConversations('c5 u2 s5 m1', 'c6 u3 s6 m1');
    await applyAll(store, 'analysis', 1, [
      ['a1', analysis('a1', 'u1', ['SQL'])],
      ['a2', analysis('a2', 'u3', ['SQL'])],
    ]);
    await store.relate('c1', 'e', [{ id: 'c3', score: 0.1 }]);
    const similar = await store.similarUsers('u1', 10);
    expect(similar.map(({ userId, shared }) => [userId, shared])).toEqual([
      ['u3', ['AIModel:m1', 'Skill:SQL']],
      ['u2', ['AIModel:m1', 'AIConversation:c3']],
    ]);
    expect(similar[0]?.score).toBeCloseTo(1 / 2 + 1 / Math.log2(3), 5);
  });
});

describe('paths', () => {
  beforeEach(async () => {
    await applyConversations('c1 u1 s1 m1', 'c2 u2 s2 m1', 'c3 u2 s2 m2', 'c4 u3 s3 m3', 'c5 u1 s1 m3');
    await store.relate('c5', 'e', [{ id: 'c3', score: 0.5 }]);
  });

  test('is a shortest one over any edges', async () => {
    const path = await store.path('AIUser:u1', 'AIModel:m2', 6, null);
    expect(path?.nodes.map(({ label, key }) => `${label}:${key}`)).toEqual([
      'AIUser:u1',
      'AISession:s1',
      'AIConversation:c5',
      'AIConversation:c3',
      'AIModel:m2',
    ]);
    expect(path?.edges.map(({ type }) => type)).toEqual([
      'HAS_SESSION',
      'CONTAINS_CONVERSATION',
      'RELATED_TO',
      'USES_MODEL',
    ]);
    expect(await store.path('AIUser:u1', 'AIModel:m2', 3, null)).toBeNull();
    expect(await store.path('AIUser:u1', 'AIUser:nobody', 6, null)).toBeNull();
    expect((await store.path('AIUser:u1', 'AIUser:u1', 1, null))?.nodes).toHaveLength(1);
  });

  test('of one user: only through its own records', async () => {
    expect(await store.path('AIUser:u1', 'AIUser:u2', 6, 'u1')).toBeNull();
    expect(await store.path('AIConversation:c3', 'AIConversation:c5', 6, 'u1')).toBeNull();
    expect(await store.path('AIUser:u2', 'AIUser:u2', 6, 'u1')).toBeNull();
    expect((await store.path('AIModel:m1', 'AIModel:m3', 6, 'u1'))?.nodes).toHaveLength(5);
  });

  test('depth and names are checked', async () => {
    for (const depth of [0, 7, 1.5]) {
      await expect(store.path('AIUser:u1', 'AIUser:u2', depth, null)).rejects.toMatchObject({
        code: 'invalid_request',
      });
    }
    for (const name of ['', 'u1', 'AIUser:', ':u1', 'Person:u1', 'constructor:x']) {
      await expect(store.path(name, 'AIUser:u2', 2, null)).rejects.toMatchObject({ code: 'invalid_request' });
    }
  });

  test('is as long as a plain search of random graphs says', () => {
    const pairs = fc.array(fc.tuple(fc.nat(14), fc.nat(14)), { maxLength: 30 });
    fc.assert(
      fc.property(pairs, fc.integer({ min: 1, max: 6 }), (links, depth) => {
        const neighbours = (node: string): string[] =>
          links.flatMap(([a, b]) => (String(a) === node ? [String(b)] : String(b) === node ? [String(a)] : []));
        const path = shortestPath('0', '1', depth, neighbours);
        expect(path === null ? null : path.length - 1).toBe(plainLength(neighbours, depth));
        for (const [index, node] of (path ?? []).slice(1).entries())
          expect(neighbours(path?.[index] ?? '')).toContain(node);
      }),
      { numRuns: 300 },
    );
  });

  test('what everything hangs on does not make it unbounded', () => {
    const crowd = Array.from({ length: 50_000 }, (_, index) => `n${index}`);
    const neighbours = (node: string, limit: number): string[] => (node === 'hub' ? crowd.slice(0, limit) : ['hub']);
    expect(shortestPath('n1', 'n49999', 6, neighbours)).toEqual(['n1', 'hub', 'n49999']);
    expect(
      shortestPath('n1', 'alone', 6, (node, limit) => (node === 'alone' ? [] : neighbours(node, limit))),
    ).toBeNull();
  });
});

/** Length of a shortest path from 0 to 1, by flooding. */
function plainLength(neighbours: (node: string) => string[], depth: number): number | null {
  let reached = new Set(['0']);
  for (let length = 1; length <= depth; length++) {
    reached = new Set([...reached].flatMap((node) => [node, ...neighbours(node)]));
    if (reached.has('1')) return length;
  }
  return null;
}

describe('damage by another hand', () => {
  let raw: Database.Database;
  beforeEach(async () => {
    await applyConversations('c1 u1 s1 m1', 'c2 u1 s1 m1');
    await applyAll(store, 'analysis', 1, [['a1', analysis('a1', 'u1', ['SQL'])]]);
    raw = new Database(file);
  });
  afterEach(() => {
    raw.close();
  });

  async function expectMended(id: string, document: Row | null): Promise<void> {
    await applyAll(store, 'conversation', 1, [[id, document]]);
    await store.refresh();
    expect([await faultsOf(store, 'conversation'), await faultsOf(store, 'analysis')]).toEqual([{}, {}]);
    expect((await scanAll(store, 'conversation')).filter(({ document: held }) => held !== null)).toHaveLength(2);
  }
  const first = conversation('c1', 'u1', 's1', 'm1');

  test('a missing edge', async () => {
    raw.exec(`DELETE FROM edges WHERE owner_id = 'c1' AND type = 'USES_MODEL'`);
    expect(await faultsOf(store, 'conversation')).toEqual({ c1: 'edges are missing: 1' });
    await expectMended('c1', first);
  });

  test('an edge too many', async () => {
    raw.exec(`INSERT INTO edges VALUES ('USES_MODEL', 'AIConversation:c1', 'AIModel:m9', 'u1', 'conversation', 'c1')`);
    expect(await faultsOf(store, 'conversation')).toEqual({ c1: "edges are there that the record doesn't make: 1" });
    await expectMended('c1', first);
  });

  test('a changed edge, by its end or its user', async () => {
    for (const change of [`to_node = 'AIModel:m9'`, `user_id = 'u9'`]) {
      raw.exec(`UPDATE edges SET ${change} WHERE owner_id = 'c1' AND type = 'USES_MODEL'`);
      expect(Object.keys(await faultsOf(store, 'conversation'))).toEqual(['c1']);
      await expectMended('c1', first);
    }
  });

  test('a changed property', async () => {
    raw.exec(`UPDATE AIConversation SET userInput = 'forged' WHERE conversationId = 'c1'`);
    expect((await scanAll(store, 'conversation'))[0]?.document?.userInput).toBe('forged');
    raw.exec(`UPDATE AIConversation SET modelName = 'm9' WHERE conversationId = 'c1'`);
    expect(Object.keys(await faultsOf(store, 'conversation'))).toEqual(['c1']);
    await expectMended('c1', first);
  });

  test('edges without their node, whether or not sync knows the record', async () => {
    raw.exec(`DELETE FROM AIConversation WHERE conversationId = 'c1'`);
    raw.exec(`INSERT INTO edges VALUES ('HAS_SESSION', 'AIUser:u9', 'AISession:s9', 'u9', 'conversation', 'c11')`);
    await store.refresh();
    const records = await scanAll(store, 'conversation', 1);
    expect(records.map(({ id, version, fault }) => [id, version, fault])).toEqual([
      ['c1', 1, 'edges stand without their node'],
      ['c11', null, 'edges stand without their node'],
      ['c2', 1, undefined],
    ]);
    expect(await store.get([{ entity: 'conversation', id: 'c11' }])).toMatchObject([{ version: null }]);
    await applyAll(store, 'conversation', 1, [['c1', first]]);
    await expectMended('c11', null);
  });

  test('a node that sync did not write', async () => {
    raw.exec(
      `INSERT INTO AIConversation (conversationId, userId, sessionId, modelName) VALUES ('c3', 'u1', 's1', 'm1')`,
    );
    const record = (await scanAll(store, 'conversation')).find(({ id }) => id === 'c3');
    expect(record).toMatchObject({ version: null, deleted: false, fault: 'edges are missing: 3' });
    await expectMended('c3', null);
  });
});
