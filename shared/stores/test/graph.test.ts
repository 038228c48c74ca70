import { rmSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { systemClock } from '@mindora/runtime';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { shortestPath, shortestPathByFronts } from '../src/graph/paths.ts';
import { openGraphStore } from '../src/graph/sqlite.ts';
import { testGraph } from './support/graph-suite.ts';
import { storeFile } from './support/stores.ts';

testGraph('SQLite', async () => {
  const { file, remove } = storeFile();
  const run = async (sql: string, ...values: readonly string[]): Promise<void> => {
    const raw = new Database(file);
    raw.prepare(sql).run(...values);
    raw.close();
  };
  return {
    hands: {
      removeEdge: (owner, type) => run('DELETE FROM edges WHERE owner_id = ? AND type = ?', owner, type),
      addEdge: (owner, edge, user) =>
        run(`INSERT INTO edges VALUES (?, ?, ?, ?, 'conversation', ?)`, ...edge, user, owner),
      addRelation: (from, to, model) => run('INSERT INTO related_to VALUES (?, ?, ?, 1)', from, to, model),
      setProperty: (id, property, value) =>
        run(`UPDATE AIConversation SET ${property} = ? WHERE conversationId = ?`, value, id),
      takeNode: (id) => run('DELETE FROM AIConversation WHERE conversationId = ?', id),
      addNode: (properties) => {
        const columns = Object.keys(properties);
        const places = columns.map(() => '?').join(', ');
        return run(
          `INSERT INTO AIConversation (${columns.join(', ')}) VALUES (${places})`,
          ...Object.values(properties),
        );
      },
    },
    async open() {
      for (const ending of ['', '-wal', '-shm']) rmSync(file + ending, { force: true });
      const store = openGraphStore({ file, clock: systemClock() });
      await store.migrate();
      return store;
    },
    remove: async () => remove(),
  };
});

describe('the search of shortest paths', () => {
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

  test('asked for whole fronts, it is as long', async () => {
    const pairs = fc.array(fc.tuple(fc.nat(14), fc.nat(14)), { maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(pairs, fc.integer({ min: 1, max: 6 }), async (links, depth) => {
        const both = links.flatMap(([a, b]) => [[a, b] as const, [b, a] as const]);
        const steps = both.map(([a, b]) => [String(a), String(b)] as const);
        const neighbours = (node: string): string[] => steps.filter(([from]) => from === node).map(([, to]) => to);
        const path = await shortestPathByFronts('0', '1', depth, async (front) =>
          steps.filter(([from]) => front.includes(from)),
        );
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
