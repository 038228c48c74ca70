import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { GraphStore, Subgraph } from '../../src/graph/port.ts';
import { damageCases } from './graph-damage.ts';
import { analysis, applyConversations, conversation, type GraphWorld, type HeldGraph } from './graph-samples.ts';
import { applyAll, scanAll } from './stores.ts';

function names({ nodes }: Subgraph): string[] {
  return nodes.map(({ label, key }) => `${label}:${key}`).sort();
}

function edges({ edges: found }: Subgraph): string[] {
  return found.map(({ type, from, to }) => `${from} ${type} ${to}`).sort();
}

/** Holds an engine to the port of the graph: its queries, RELATED_TO, and what it tells of damage. */
export function testGraph(name: string, makeWorld: () => Promise<GraphWorld>): void {
  describe(`graph on ${name}`, () => {
    let world: GraphWorld;
    let store: GraphStore;
    const held: HeldGraph = {
      get store() {
        return store;
      },
      get hands() {
        return world.hands;
      },
    };
    beforeAll(async () => {
      world = await makeWorld();
    });
    beforeEach(async () => {
      store = await world.open();
    });
    afterEach(() => store.close());
    afterAll(() => world.remove());
    recordCases(held);
    listCases(held);
    relationCases(held);
    pathCases(held);
    damageCases(held);
  });
}

function recordCases(held: HeldGraph): void {
  describe('the graph of records', () => {
    test('a user with sessions, conversations, models and skills', async () => {
      await applyConversations(held.store, 'c1 u1 s1 m1', 'c2 u1 s1 m2', 'c3 u2 s2 m1');
      await applyAll(held.store, 'analysis', 1, [['a1', analysis('a1', 'u1', ['SQL', 'Go', 'SQL'])]]);
      await held.store.relate('c2', 'e', [{ id: 'c1', score: 0.5 }]);
      const subgraph = await held.store.user('u1', 10);
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
      await applyConversations(held.store, 'c1 u1 s1 m1', 'c3 u1 s1 m1', 'c2 u1 s1 m1');
      const subgraph = await held.store.user('u1', 2);
      expect(names(subgraph).filter((name) => name.startsWith('AIConversation'))).toEqual([
        'AIConversation:c2',
        'AIConversation:c3',
      ]);
      expect(subgraph.truncated).toBe(true);
      expect(await held.store.user('nobody', 2)).toEqual({ nodes: [], edges: [], truncated: false });
    });

    test('shared nodes live as long as a record needs them', async () => {
      await applyConversations(held.store, 'c1 u1 s1 m1', 'c2 u1 s1 m1');
      await applyAll(held.store, 'analysis', 1, [['a1', analysis('a1', 'u1', ['SQL'])]]);
      await applyAll(held.store, 'conversation', 2, [['c1', null]]);
      expect(names(await held.store.user('u1', 10))).toContain('AISession:s1');
      await applyAll(held.store, 'conversation', 2, [['c2', null]]);
      expect(names(await held.store.user('u1', 10))).toEqual(['AIUser:u1', 'Skill:SQL']);
      await applyAll(held.store, 'analysis', 2, [['a1', null]]);
      expect((await held.store.user('u1', 10)).nodes).toEqual([]);
      expect(await held.store.skills(null, 10)).toEqual([]);
    });

    test('an update moves the edges', async () => {
      await applyConversations(held.store, 'c1 u1 s1 m1');
      await applyAll(held.store, 'conversation', 2, [['c1', conversation('c1', 'u1', 's2', 'm2')]]);
      expect(names(await held.store.user('u1', 10))).toEqual([
        'AIConversation:c1',
        'AIModel:m2',
        'AISession:s2',
        'AIUser:u1',
      ]);
    });
  });
}

function listCases(held: HeldGraph): void {
  describe('chains and skills', () => {
    test('a chain is in order of time, of one user where asked', async () => {
      await applyConversations(held.store, 'c2 u1 s1 m1', 'c1 u1 s1 m1', 'c3 u2 s1 m1', 'c4 u1 s2 m1');
      const keys = async (userId: string | null, limit = 10): Promise<string[]> =>
        (await held.store.chain('s1', limit, userId)).map(({ key }) => key);
      expect(await keys(null)).toEqual(['c1', 'c2', 'c3']);
      expect(await keys('u1')).toEqual(['c1', 'c2']);
      expect(await keys(null, 1)).toEqual(['c1']);
    });

    test('skills with their users', async () => {
      await applyAll(held.store, 'analysis', 1, [
        ['a1', analysis('a1', 'u1', ['SQL', 'Go'])],
        ['a2', analysis('a2', 'u2', ['SQL'])],
        ['a3', analysis('a3', 'u2', ['SQL', '数据分析'])],
      ]);
      expect(await held.store.skills(null, 2)).toEqual([
        { skill: 'SQL', users: 2 },
        { skill: 'Go', users: 1 },
      ]);
      expect((await held.store.skills('u2', 10)).map(({ skill }) => skill)).toEqual(['SQL', '数据分析']);
    });
  });
}

function relationCases(held: HeldGraph): void {
  describe('RELATED_TO', () => {
    beforeEach(() => applyConversations(held.store, 'c1 u1 s1 m1', 'c2 u1 s1 m1', 'c3 u2 s2 m2', 'c4 u3 s3 m3'));

    test('best first, only between the living, replaced as a whole, of one user where asked', async () => {
      await held.store.relate('c1', 'e', [{ id: 'c2', score: 0.1 }]);
      const relations = [
        { id: 'c2', score: 0.5 },
        { id: 'c3', score: 0.9 },
        { id: 'gone', score: 1 },
        { id: 'c1', score: 1 },
      ];
      await held.store.relate('c1', 'e', relations);
      await held.store.relate('gone', 'e', [{ id: 'c1', score: 1 }]);
      const ids = async (userId: string | null): Promise<unknown[]> =>
        (await held.store.related('c1', 10, userId)).map(({ id, score }) => [id, score]);
      expect(await ids(null)).toEqual([
        ['c3', 0.9],
        ['c2', 0.5],
      ]);
      expect(await ids('u1')).toEqual([['c2', 0.5]]);
      expect(await ids('u2')).toEqual([]);
      expect(await held.store.deadRelations('e', 10)).toEqual([]);
      expect((await scanAll(held.store, 'conversation')).some(({ fault }) => fault !== undefined)).toBe(false);
    });

    test('goes with either end, and stays when an end changes', async () => {
      await held.store.relate('c1', 'e', [{ id: 'c2', score: 0.5 }]);
      await held.store.relate('c2', 'e', [{ id: 'c3', score: 0.5 }]);
      await applyAll(held.store, 'conversation', 2, [['c1', conversation('c1', 'u1', 's1', 'm1')]]);
      expect(await held.store.related('c1', 10, null)).toHaveLength(1);
      await applyAll(held.store, 'conversation', 3, [['c2', null]]);
      await applyAll(held.store, 'conversation', 4, [['c2', conversation('c2', 'u1', 's1', 'm1')]]);
      expect(await held.store.related('c1', 10, null)).toEqual([]);
      expect(await held.store.related('c2', 10, null)).toEqual([]);
    });

    test('of another model, or left behind by another hand, is dead until it is removed', async () => {
      await held.store.relate('c1', 'old', [{ id: 'c2', score: 0.5 }]);
      await held.store.relate('c3', 'new', [{ id: 'c4', score: 0.5 }]);
      await held.hands.addRelation('c4', 'gone', 'new');
      const dead = await held.store.deadRelations('new', 10);
      expect(dead).toEqual([
        ['c1', 'c2'],
        ['c4', 'gone'],
      ]);
      expect(await held.store.deadRelations('new', 1)).toHaveLength(1);
      await held.store.removeRelations(dead);
      expect(await held.store.deadRelations('new', 10)).toEqual([]);
      expect(await held.store.related('c3', 10, null)).toHaveLength(1);
    });

    test('similar users share models, skills, related conversations; what few have weighs more', async () => {
      await applyConversations(held.store, 'c5 u2 s5 m1', 'c6 u3 s6 m1');
      await applyAll(held.store, 'analysis', 1, [
        ['a1', analysis('a1', 'u1', ['SQL'])],
        ['a2', analysis('a2', 'u3', ['SQL'])],
      ]);
      await held.store.relate('c1', 'e', [{ id: 'c3', score: 0.1 }]);
      const similar = await held.store.similarUsers('u1', 10);
      expect(similar.map(({ userId, shared }) => [userId, shared])).toEqual([
        ['u3', ['AIModel:m1', 'Skill:SQL']],
        ['u2', ['AIModel:m1', 'AIConversation:c3']],
      ]);
      expect(similar[0]?.score).toBeCloseTo(1 / 2 + 1 / Math.log2(3), 5);
    });
  });
}

function pathCases(held: HeldGraph): void {
  describe('paths', () => {
    beforeEach(async () => {
      await applyConversations(held.store, 'c1 u1 s1 m1', 'c2 u2 s2 m1', 'c3 u2 s2 m2', 'c4 u3 s3 m3', 'c5 u1 s1 m3');
      await held.store.relate('c5', 'e', [{ id: 'c3', score: 0.5 }]);
    });

    test('is a shortest one over any edges', async () => {
      const path = await held.store.path('AIUser:u1', 'AIModel:m2', 6, null);
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
      expect(await held.store.path('AIUser:u1', 'AIModel:m2', 3, null)).toBeNull();
      expect(await held.store.path('AIUser:u1', 'AIUser:nobody', 6, null)).toBeNull();
      expect((await held.store.path('AIUser:u1', 'AIUser:u1', 1, null))?.nodes).toHaveLength(1);
    });

    test('of one user: only through its own records', async () => {
      expect(await held.store.path('AIUser:u1', 'AIUser:u2', 6, 'u1')).toBeNull();
      expect(await held.store.path('AIConversation:c3', 'AIConversation:c5', 6, 'u1')).toBeNull();
      expect(await held.store.path('AIUser:u2', 'AIUser:u2', 6, 'u1')).toBeNull();
      expect((await held.store.path('AIModel:m1', 'AIModel:m3', 6, 'u1'))?.nodes).toHaveLength(5);
    });

    test('depth and names are checked', async () => {
      for (const depth of [0, 7, 1.5]) {
        await expect(held.store.path('AIUser:u1', 'AIUser:u2', depth, null)).rejects.toMatchObject({
          code: 'invalid_request',
        });
      }
      for (const name of ['', 'u1', 'AIUser:', ':u1', 'Person:u1', 'constructor:x']) {
        await expect(held.store.path(name, 'AIUser:u2', 2, null)).rejects.toMatchObject({ code: 'invalid_request' });
      }
    });
  });
}
