import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Row } from '@mindora/contracts';
import { analysis, applyConversations, conversation, type HeldGraph } from './graph-samples.ts';
import { applyAll, faultsOf, scanAll } from './stores.ts';

/** What a graph tells of damage by another hand, and that applying the record again mends it. */
export function damageCases(held: HeldGraph): void {
  describe('damage by another hand', () => {
    beforeEach(async () => {
      await applyConversations(held.store, 'c1 u1 s1 m1', 'c2 u1 s1 m1');
      await applyAll(held.store, 'analysis', 1, [['a1', analysis('a1', 'u1', ['SQL'])]]);
    });

    async function expectMended(id: string, document: Row | null): Promise<void> {
      await applyAll(held.store, 'conversation', 1, [[id, document]]);
      await held.store.refresh();
      expect([await faultsOf(held.store, 'conversation'), await faultsOf(held.store, 'analysis')]).toEqual([{}, {}]);
      expect((await scanAll(held.store, 'conversation')).filter(({ document: held }) => held !== null)).toHaveLength(2);
    }
    const first = conversation('c1', 'u1', 's1', 'm1');

    test('a missing edge', async () => {
      await held.hands.removeEdge('c1', 'USES_MODEL');
      expect(await faultsOf(held.store, 'conversation')).toEqual({ c1: 'edges are missing: 1' });
      await expectMended('c1', first);
    });

    test('an edge too many', async () => {
      await held.hands.addEdge('c1', ['USES_MODEL', 'AIConversation:c1', 'AIModel:m9'], 'u1');
      expect(await faultsOf(held.store, 'conversation')).toEqual({
        c1: "edges are there that the record doesn't make: 1",
      });
      await expectMended('c1', first);
    });

    test('a changed edge, by its end or its user', async () => {
      for (const [model, user] of [
        ['m9', 'u1'],
        ['m1', 'u9'],
      ] as const) {
        await held.hands.removeEdge('c1', 'USES_MODEL');
        await held.hands.addEdge('c1', ['USES_MODEL', 'AIConversation:c1', `AIModel:${model}`], user);
        expect(Object.keys(await faultsOf(held.store, 'conversation'))).toEqual(['c1']);
        await expectMended('c1', first);
      }
    });

    test('a changed property', async () => {
      await held.hands.setProperty('c1', 'userInput', 'forged');
      expect((await scanAll(held.store, 'conversation'))[0]?.document?.userInput).toBe('forged');
      await held.hands.setProperty('c1', 'modelName', 'm9');
      expect(Object.keys(await faultsOf(held.store, 'conversation'))).toEqual(['c1']);
      await expectMended('c1', first);
    });

    test('edges without their node, whether or not sync knows the record', async () => {
      await held.hands.takeNode('c1');
      await held.hands.addEdge('c11', ['HAS_SESSION', 'AIUser:u9', 'AISession:s9'], 'u9');
      await held.store.refresh();
      const records = await scanAll(held.store, 'conversation', 1);
      expect(records.map(({ id, version, fault }) => [id, version, fault])).toEqual([
        ['c1', 1, 'edges stand without their node'],
        ['c11', null, 'edges stand without their node'],
        ['c2', 1, undefined],
      ]);
      expect(await held.store.get([{ entity: 'conversation', id: 'c11' }])).toMatchObject([{ version: null }]);
      await applyAll(held.store, 'conversation', 1, [['c1', first]]);
      await expectMended('c11', null);
    });

    test('a node that sync did not write', async () => {
      await held.hands.addNode({ conversationId: 'c3', userId: 'u1', sessionId: 's1', modelName: 'm1' });
      const record = (await scanAll(held.store, 'conversation')).find(({ id }) => id === 'c3');
      expect(record).toMatchObject({ version: null, deleted: false, fault: 'edges are missing: 3' });
      await expectMended('c3', null);
    });
  });
}
