import { describe, expect, test } from '@jest/globals';
import type { Role } from '@mindora/contracts';
import type { ApplyBatch, ApplyItem, ApplyResult, ScanPage, StoredRecord, Target } from '@mindora/stores';
import { ModelTarget } from '../src/model/target.ts';
import { TargetContext } from '../src/target/context.ts';
import { sampleDimensions } from '../src/target/sample.ts';
import { targetCases } from '../src/target-suite.ts';
import { driver as modelDriver } from './drivers/model.ts';

/** Replaces some methods of a target; `this` of the others stays the target. */
type Fault = (target: Target) => Partial<Target>;

const broken = (target: Target, fault: Fault): Target => {
  const replaced = fault(target);
  return new Proxy(target, {
    get(of, property) {
      const value: unknown = Reflect.get(property in replaced ? replaced : of, property);
      return typeof value === 'function' ? value.bind(of) : value;
    },
  });
};

const items = (change: (item: ApplyItem) => ApplyItem): Fault => {
  return (target) => ({ apply: (batch: ApplyBatch) => target.apply({ ...batch, items: batch.items.map(change) }) });
};

const pages = (change: (page: ScanPage, limit: number) => ScanPage): Fault => {
  return (target) => ({ scan: async (entity, after, limit) => change(await target.scan(entity, after, limit), limit) });
};

const documents = (change: (text: string) => string): Fault => {
  return items((item) =>
    item.document === null ? item : { ...item, document: JSON.parse(change(JSON.stringify(item.document))) },
  );
};

const records = (change: (record: StoredRecord | null) => StoredRecord | null): Fault => {
  return (target) => ({ get: async (keys) => (await target.get(keys)).map(change) });
};

/** Mistakes that engines make. Each must be seen by some case. */
const faults: Readonly<Record<string, Fault>> = {
  'older versions overwrite': (target) => ({
    async apply(batch: ApplyBatch): Promise<ApplyResult[]> {
      const results = await target.apply(batch);
      for (const [i, item] of batch.items.entries()) {
        if (results[i]?.outcome === 'stale') await target.apply({ items: [{ ...item, version: 1e9 }], positions: [] });
      }
      return results;
    },
  }),
  'the same version is not taken again': (target) => ({
    async apply(batch: ApplyBatch): Promise<ApplyResult[]> {
      const fresh: ApplyItem[] = [];
      for (const item of batch.items) {
        const [held] = await target.get([item]);
        if (held?.version !== item.version) fresh.push(item);
      }
      await target.apply({ ...batch, items: fresh });
      return batch.items.map(() => ({ outcome: 'applied' }));
    },
  }),
  'deleting leaves no tombstone': (target) => ({
    async apply(batch: ApplyBatch) {
      const results = await target.apply(batch);
      if (batch.items.some(({ document }) => document === null)) await target.purge(Number.MAX_SAFE_INTEGER);
      return results;
    },
  }),
  'Unicode is normalised': documents((text) => text.normalize('NFC')),
  'compatibility characters are folded': documents((text) => text.normalize('NFKC')),
  'NUL ends a string': documents((text) => text.replaceAll(/\\u0000[^"]*/g, '')),
  'space is trimmed': documents((text) => text.replaceAll(/"\s+|\s+"/g, '"')),
  'characters beyond the first plane are lost': documents((text) => text.replaceAll(/[\u{10000}-\u{10ffff}]/gu, '?')),
  'lone surrogates become a replacement character': documents((text) => text.replaceAll(/\\ud[89a-f]../g, '\ufffd')),
  'numbers are single precision': documents((text) => text.replaceAll(/\d+\.\d+/g, (n) => String(Math.fround(+n)))),
  'microseconds are cut': documents((text) => text.replaceAll(/(\.\d{3})\d{3}Z/g, '$1000Z')),
  'null members are dropped': documents((text) => text.replaceAll(/"a":null/g, '')),
  'times are re-zoned': documents((text) => text.replaceAll('Z"', '+00:00"')),
  'ids are folded in case': items((item) => ({ ...item, id: item.id.toLowerCase() })),
  'expiry is ignored': items((item) => ({ ...item, expiresAt: null })),
  'positions are not kept': (target) => ({ apply: (batch) => target.apply({ ...batch, positions: [] }) }),
  'positions are kept without their batch being whole': (target) => ({
    apply: (batch) => target.apply({ ...batch, items: batch.items.slice(0, 999) }),
  }),
  'a page loses its last record': pages((page, limit) => ({ ...page, records: page.records.slice(0, limit - 1) })),
  'a page ends too early': pages((page) => ({ ...page, next: null })),
  'order is that of UTF-16': pages((page) => ({
    ...page,
    records: [...page.records].sort((a, b) => (a.id < b.id ? -1 : 1)),
  })),
  'order is that of a language': pages((page) => ({
    ...page,
    records: [...page.records].sort((a, b) => a.id.localeCompare(b.id)),
  })),
  'a scan has no tombstones': pages((page) => ({ ...page, records: page.records.filter(({ deleted }) => !deleted) })),
  'a tombstone reads as unknown': records((record) => (record?.deleted ? null : record)),
  'get answers in another order': (target) => ({ get: async (keys) => (await target.get(keys)).reverse() }),
  'a wipe keeps positions': (target) => ({
    async wipe() {
      const positions = await target.positions();
      await target.wipe();
      await target.setPositions(positions);
    },
  }),
  'migrating forgets the label': (target) => ({ migrate: () => target.setLabel('') }),
  'a refusal refuses its whole batch': (target) => ({
    async apply(batch: ApplyBatch): Promise<ApplyResult[]> {
      const trial = await new ModelTarget(target.role, sampleDimensions).apply(batch);
      const isBad = trial.some(({ outcome }) => outcome === 'refused');
      return isBad ? batch.items.map(() => ({ outcome: 'refused', reason: 'bad' })) : target.apply(batch);
    },
  }),
  'purge takes living records': (target) => ({
    async purge(before: number) {
      const purged = await target.purge(before);
      if (before > Date.now()) await target.wipe();
      return purged;
    },
  }),
  'calls after close are answered': (target) => ({ close: async () => void target.role }),
};

/** The first case that fails on an engine with the fault; null where none does. */
async function seenBy(role: Role, fault: Fault): Promise<string | null> {
  const driver = { ...modelDriver, open: async () => broken(new ModelTarget(role, 0), fault) };
  const facts = { role, driver, volatile: true, dimensions: 0, checksTypes: true };
  for (const { name, skip, run } of targetCases) {
    if ((skip?.(facts) ?? null) !== null) continue;
    const context = new TargetContext(facts, '');
    const failed = await context
      .open()
      .then(() => run(context))
      .then(
        () => false,
        () => true,
      );
    if (failed) return name;
  }
  return null;
}

// A suite that passes says something only if it fails where it should.
describe('the conformance suite sees it when', () => {
  test.each(Object.keys(faults))('%s', async (name) => {
    const fault = faults[name];
    expect(fault).toBeDefined();
    if (fault !== undefined) expect(await seenBy('documents', fault)).not.toBeNull();
  });

  test('nothing, when nothing is wrong', async () => {
    expect(await seenBy('documents', () => ({}))).toBeNull();
  });
});
