import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { canonicalJson, type Role } from '@mindora/contracts';
import type { ApplyItem, ApplyResult, StoredRecord, Target } from '@mindora/stores';
import fc from 'fast-check';
import { ModelTarget } from './model/target.ts';
import { TargetContext } from './target/context.ts';
import type { TargetDriver, TargetFeatures } from './target/driver.ts';
import { sampleDimensions } from './target/sample.ts';
import { type TemporaryDirectory, temporaryDirectory } from './temporary.ts';

const ids = ['a', 'b', '中', '😀', '\ufffd'];
const runs = 25;

/** One write of a random history; `version` 0 deletes at no particular one. */
interface Write {
  readonly id: string;
  readonly version: number;
  readonly seed: number | null;
}
type Step =
  | { readonly do: 'apply'; readonly writes: readonly Write[] }
  | { readonly do: 'wipe' | 'reopen' | 'purge' | 'scrub' | 'migrate' };

const write: fc.Arbitrary<Write> = fc.record({
  id: fc.constantFrom(...ids),
  version: fc.integer({ min: 1, max: 12 }),
  seed: fc.option(fc.integer({ min: 1, max: 50 }), { freq: 3 }),
});
const apply: fc.Arbitrary<Step> = fc.record({
  do: fc.constant('apply'),
  writes: fc.array(write, { maxLength: 8 }),
});
const other: fc.Arbitrary<Step> = fc.record({
  do: fc.constantFrom('wipe', 'reopen', 'purge', 'scrub', 'migrate'),
});
const history = fc.array(fc.oneof({ weight: 6, arbitrary: apply }, { weight: 1, arbitrary: other }), { maxLength: 20 });

/** Random histories on an engine and on the model must look the same after every step. */
export function testTargetAgainstModel(role: Role, name: string, driver: TargetDriver, features: TargetFeatures): void {
  describe(`histories: ${name}`, () => {
    let directory: TemporaryDirectory;
    beforeEach(async () => {
      directory = await temporaryDirectory();
    });
    afterEach(() => directory.remove());

    // fast-check prints the seed and the shrunk history of a failure.
    test('random histories look as on the model', async () => {
      let number = 0;
      await fc.assert(
        fc.asyncProperty(history, async (steps) => {
          number += 1;
          const context = new TargetContext({ ...features, role, driver }, directory.file(`run-${number}`));
          await context.open();
          try {
            await replay(context, steps);
          } finally {
            await context.close();
          }
        }),
        { numRuns: runs },
      );
    });
  });
}

async function replay(context: TargetContext, steps: readonly Step[]): Promise<void> {
  const model = new ModelTarget(context.role, sampleDimensions);
  for (const step of steps) {
    if (step.do === 'apply') await applyBoth(context, model, step.writes);
    else if (step.do === 'reopen') await reopen(context);
    else for (const target of [context.store, model]) await maintain(target, step.do);
    await expectAlike(context, model);
  }
}

async function applyBoth(context: TargetContext, model: Target, writes: readonly Write[]): Promise<void> {
  const items = writes.map(({ id, version, seed }): ApplyItem => {
    return seed === null ? context.deletion(id, version) : { ...context.item(id, seed), version };
  });
  const batch = { items, positions: [] };
  const [found, wanted] = [await context.store.apply(batch), await model.apply(batch)];
  // Of a record that occurs several times in a batch an engine may answer for the last only.
  expect(lastOfEach(items, found)).toEqual(lastOfEach(items, wanted));
}

function lastOfEach(items: readonly ApplyItem[], results: readonly ApplyResult[]): Record<string, ApplyResult> {
  return Object.fromEntries(items.flatMap(({ id }, i) => (results[i] === undefined ? [] : [[id, results[i]]])));
}

async function reopen(context: TargetContext): Promise<void> {
  if (!context.facts.volatile) await context.reopen();
}

async function maintain(target: Target, what: 'wipe' | 'purge' | 'scrub' | 'migrate'): Promise<void> {
  if (what === 'purge') await target.purge(Date.now() + 3_600_000);
  else await target[what]();
}

async function expectAlike(context: TargetContext, model: Target): Promise<void> {
  const keys = ids.map((id) => ({ entity: context.entity, id }));
  expect((await context.store.get(keys)).map(comparable)).toEqual((await model.get(keys)).map(comparable));
  const wanted = (await model.scan(context.entity, null, 100)).records;
  expect((await context.scanAll(2)).map(comparable)).toEqual(wanted.map(comparable));
}

function comparable(record: StoredRecord | null): unknown {
  if (record === null) return null;
  const { id, version, deleted, document, fault } = record;
  return { id, version, deleted, fault, document: canonicalJson(document) };
}
