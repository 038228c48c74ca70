import { describe, expect, test } from '@jest/globals';
import { batchBytesMax, batchChangesMax, type Change } from '@mindora/contracts';
import fc from 'fast-check';
import { packBatches } from '../src/pack.ts';
import { partitionOf } from '../src/partition.ts';

const bounds = { bytesMax: 600, changesMax: 5 };

const change: fc.Arbitrary<Change> = fc.record({
  entity: fc.constantFrom('conversation', 'analysis', 'profile'),
  id: fc.string({ unit: 'binary', maxLength: 20 }),
  version: fc.nat(),
  state: fc.constant('present'),
  row: fc.record({ text: fc.string({ unit: 'binary', maxLength: 700 }) }),
  stores: fc.constant(null),
});

function conversation(id: string, text: string): Change {
  return { entity: 'conversation', id, version: 1, state: 'present', row: { text }, stores: null };
}

describe('packBatches', () => {
  test('keeps every change in the order of its partition, within the bounds', () => {
    const partitions = fc.integer({ min: 1, max: 5 });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 60 }), partitions, (changes, count) => {
        const batches = packBatches(changes, count, bounds);
        for (const batch of batches) {
          expect(batch.changes.length).toBeGreaterThan(0);
          expect(batch.changes.length).toBeLessThanOrEqual(bounds.changesMax);
          expect(Buffer.byteLength(JSON.stringify(batch.changes))).toBeLessThanOrEqual(bounds.bytesMax);
        }
        for (let partition = 0; partition < count; partition++) {
          const packed = batches.filter((batch) => batch.partition === partition).flatMap((batch) => batch.changes);
          const wanted = changes.filter(({ entity, id }) => partitionOf(entity, id, count) === partition);
          expect(packed.map(({ id, version }) => [id, version])).toEqual(
            wanted.map(({ id, version }) => [id, version]),
          );
          packed.forEach((sent, index) => {
            const whole = wanted[index];
            if (sent.state === 'present') expect(sent).toBe(whole);
            else expect(sent).toEqual({ ...whole, state: 'by_key', row: null });
          });
        }
      }),
    );
  });

  test('fills batches: no two neighbours of a partition would fit in one', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
        const batches = packBatches(changes, 1, bounds);
        for (let i = 1; i < batches.length; i++) {
          const first = batches[i - 1]?.changes ?? [];
          const next = (batches[i]?.changes ?? []).slice(0, 1);
          const bytes = Buffer.byteLength(JSON.stringify([...first, ...next]));
          expect(first.length + 1 > bounds.changesMax || bytes > bounds.bytesMax).toBe(true);
        }
      }),
    );
  });

  test('a change that just fits travels whole, one byte more as its key', () => {
    const frame = Buffer.byteLength(JSON.stringify([conversation('c', '')]));
    const fitting = conversation('c', 'x'.repeat(batchBytesMax - frame));
    expect(packBatches([fitting], 1)).toEqual([{ partition: 0, changes: [fitting] }]);
    const large = conversation('c', 'x'.repeat(batchBytesMax - frame + 1));
    expect(packBatches([large], 1)[0]?.changes).toEqual([{ ...large, state: 'by_key', row: null }]);
  });

  test('a batch has at most the contract’s number of changes', () => {
    const changes = Array.from({ length: batchChangesMax + 1 }, (_, i) => conversation(`c${i}`, ''));
    expect(packBatches(changes, 1).map((batch) => batch.changes.length)).toEqual([batchChangesMax, 1]);
  });
});
