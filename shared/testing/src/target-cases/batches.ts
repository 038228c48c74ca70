import { expect } from '@jest/globals';
import type { ApplyItem } from '@mindora/stores';
import { serialIds, type TargetCase, type TargetContext } from '../target/context.ts';
import { fieldOfType, sampleVector } from '../target/sample.ts';

/** A batch is taken whole but for what the engine refuses (rule 11). */
export const batchCases: readonly TargetCase[] = [
  {
    name: 'an empty batch changes nothing',
    async run(c) {
      expect(await c.apply()).toEqual([]);
      expect(await c.scannedIds()).toEqual([]);
    },
  },
  {
    name: 'a batch of 1,000 records',
    async run(c) {
      const ids = serialIds(1000);
      expect(await c.apply(...ids.map((id, i) => c.item(id, i + 1)))).toEqual(ids.map(() => ({ outcome: 'applied' })));
      expect(await c.scannedIds()).toEqual(ids);
      await c.expectHeld(c.item('id-000777', 778));
    },
  },
  {
    name: 'the same record twice in a batch, older first: the newer stands',
    async run(c) {
      const results = await c.apply(c.item('a', 1), c.item('a', 2));
      expect(results[1]).toEqual({ outcome: 'applied' });
      await c.expectHeld(c.item('a', 2));
    },
  },
  {
    name: 'the same record twice in a batch, newer first: the newer stands',
    async run(c) {
      const results = await c.apply(c.item('a', 2), c.item('a', 1));
      expect(results).toEqual([{ outcome: 'applied' }, { outcome: 'stale', version: 2 }]);
      await c.expectHeld(c.item('a', 2));
    },
  },
  {
    name: 'the same version twice in a batch: the later stands',
    async run(c) {
      const results = await c.apply({ ...c.item('a', 8), version: 2 }, c.item('a', 2));
      expect(results[1]).toEqual({ outcome: 'applied' });
      await c.expectHeld(c.item('a', 2));
    },
  },
  {
    name: 'insert, delete and insert again in one batch',
    async run(c) {
      await c.apply(c.item('a', 1), c.deletion('a', 2), c.item('a', 3), c.item('b', 1), c.deletion('b', 2));
      await c.expectHeld(c.item('a', 3));
      await c.expectDeleted('b', 2);
    },
  },
  {
    name: 'two records interleaved in a batch end each at its newest',
    async run(c) {
      const items: ApplyItem[] = [];
      for (let version = 1; version <= 20; version++) items.push(c.item('a', version), c.item('b', 21 - version));
      await c.apply(...items);
      await c.expectHeld(c.item('a', 20));
      await c.expectHeld(c.item('b', 20));
    },
  },
  {
    name: 'one poison record among 500 is refused alone, with a reason',
    skip: ({ checksTypes }) => (checksTypes ? null : 'takes any content'),
    async run(c) {
      const ids = serialIds(500);
      const items = ids.map((id, i) => (i === 250 ? poison(c, id) : c.item(id)));
      const results = await c.apply(...items);
      results.forEach((result, i) => {
        if (i !== 250) expect(result).toEqual({ outcome: 'applied' });
      });
      expect(results[250]).toEqual({ outcome: 'refused', reason: expect.stringMatching(/\w/) });
      expect(await c.scannedIds()).toEqual(ids.filter((_, i) => i !== 250));
      expect(await c.get('id-000250')).toBeNull();
    },
  },
  {
    name: 'a refused version leaves the older one as it was, and a good one clears it',
    skip: ({ checksTypes }) => (checksTypes ? null : 'takes any content'),
    async run(c) {
      await c.put(c.item('a', 1));
      const [refused] = await c.apply({ ...poison(c, 'a'), version: 2 });
      expect(refused?.outcome).toBe('refused');
      await c.expectHeld(c.item('a', 1));
      await c.put(c.item('a', 3));
      await c.expectHeld(c.item('a', 3));
    },
  },
  {
    name: 'a reason names no content',
    skip: ({ checksTypes }) => (checksTypes ? null : 'takes any content'),
    async run(c) {
      const { entity, field } = fieldOfType(c.role, 'text') ?? { entity: c.entity, field: 'none' };
      const [result] = await c.apply(c.item('a', 1, { [field]: { secret: 'whisper-7731' } }, entity));
      expect(JSON.stringify(result)).toMatch(/refused/);
      expect(JSON.stringify(result)).not.toMatch(/whisper/);
    },
  },
  {
    name: 'fields that are missing or not defined are refused, or kept as they came',
    async run(c) {
      const whole = c.item('a');
      const [last = ''] = Object.keys(whole.document).slice(-1);
      const { [last]: _left, ...rest } = whole.document;
      for (const document of [rest, { ...whole.document, not_a_field: 1 }]) {
        const item = { ...whole, document };
        const [result] = await c.apply(item);
        if (result?.outcome === 'applied') await c.expectHeld(item);
        else expect(result?.outcome).toBe('refused');
      }
    },
  },
  {
    name: 'an entity that the store does not hold is refused, and reads as nothing',
    async run(c) {
      const [result] = await c.apply({ ...c.item('a'), entity: 'user' });
      expect(result?.outcome).toBe('refused');
      expect(await c.get('a', 'user')).toBeNull();
      expect(await c.store.scan('user', null, 10)).toEqual({ records: [], next: null });
    },
  },
  {
    name: 'a vector of another length is refused',
    skip: ({ dimensions }) => (dimensions === 0 ? 'holds no vectors' : null),
    async run(c) {
      const { entity, field } = vectorField(c);
      for (const length of [c.facts.dimensions - 1, c.facts.dimensions + 1, 0]) {
        const bad = c.item('bad', 1, { [field]: sampleVector(1, length) }, entity);
        const results = await c.apply(c.item('good', 1, {}, entity), bad);
        expect(results.map(({ outcome }) => outcome)).toEqual(['applied', 'refused']);
      }
      expect(await c.get('bad', entity)).toBeNull();
    },
  },
];

/** A record whose content has a wrong type. */
export function poison(c: TargetContext, id: string) {
  const { entity, field } = fieldOfType(c.role, 'text') ?? { entity: c.entity, field: '' };
  return c.item(id, 1, { [field]: { not: 'a text' } }, entity);
}

/** Where the store has its vectors. */
export function vectorField(c: TargetContext) {
  const place = fieldOfType(c.role, 'vector');
  if (place === null) throw new Error(`${c.role} holds no vectors`);
  return place;
}
