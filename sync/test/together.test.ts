import { describe, expect, test } from '@jest/globals';
import { MindoraError } from '@mindora/runtime';
import type { ApplyBatch, ApplyItem } from '@mindora/stores';
import { Together } from '../src/together.ts';
import { MemoryTarget } from './support/memory-target.ts';

const item = (id: string): ApplyItem => {
  return { entity: 'conversation', id, version: 1, owner: 'u', document: { id }, expiresAt: null };
};
const batch = (partition: number, ...ids: string[]): ApplyBatch => {
  return { items: ids.map(item), positions: [{ incarnation: 'bus', partition, n: 1 }] };
};

/** A store that applies when it is let, and tells what it was given. */
function held() {
  const target = new MemoryTarget('documents');
  const given: string[][] = [];
  const gates: (() => void)[] = [];
  target.beforeApply = ({ items }) => {
    given.push(items.map(({ id }) => id));
    return new Promise<void>((resolve) => gates.push(resolve));
  };
  const open = async () => {
    gates.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { target, given, open, together: new Together(target) };
}

describe('batches that come while one is applied', () => {
  test('go together, each with its own results and its position', async () => {
    const { target, given, open, together } = held();
    target.refuse = ({ id }) => (id === 'c' ? 'not this one' : null);
    const answers = [together.apply(batch(0, 'a')), together.apply(batch(1, 'b', 'c')), together.apply(batch(2, 'd'))];
    await open();
    await open();
    expect(given).toEqual([['a'], ['b', 'c', 'd']]);
    const outcomes = (await Promise.all(answers)).map((results) => results.map(({ outcome }) => outcome));
    expect(outcomes).toEqual([['applied'], ['applied', 'refused'], ['applied']]);
    expect((await target.positions()).map(({ partition }) => partition)).toEqual([0, 1, 2]);
  });

  test('go at once where they are large', () => {
    const { given, together } = held();
    const large = (partition: number) =>
      batch(partition, ...Array.from({ length: 500 }, (_, n) => `${partition}-${n}`));
    for (const partition of [0, 1, 2]) void together.apply(large(partition));
    expect(given.map(({ length }) => length)).toEqual([500, 500, 500]);
  });

  test('are never more than a large batch', async () => {
    const { given, open, together } = held();
    void together.apply(batch(0, 'first'));
    const half = (partition: number) => batch(partition, ...Array.from({ length: 240 }, (_, n) => `${partition}-${n}`));
    for (const partition of [1, 2, 3]) void together.apply(half(partition));
    await open();
    await open();
    expect(given.map(({ length }) => length)).toEqual([1, 480, 240]);
  });
});

describe('a batch that fails', () => {
  test('for its content fails alone', async () => {
    const { target, given, together } = held();
    target.beforeApply = ({ items }) => {
      given.push(items.map(({ id }) => id));
      const isBad = items.some(({ id }) => id === 'bad');
      if (isBad) throw new MindoraError('record_refused');
    };
    const answers = ['a', 'good', 'bad', 'also'].map((id, partition) => together.apply(batch(partition, id)));
    const settled = await Promise.allSettled(answers);
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
    expect(given).toEqual([['a'], ['good', 'bad', 'also'], ['good'], ['bad'], ['also']]);
  });

  test('because the store is away fails with those beside it, and the store is asked once', async () => {
    const { target, together } = held();
    target.beforeApply = () => {
      throw new MindoraError('store_unavailable');
    };
    const settled = await Promise.allSettled([0, 1, 2].map((partition) => together.apply(batch(partition, 'a'))));
    expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(target.applies).toBe(2);
    target.beforeApply = () => undefined;
    expect(await together.apply(batch(0, 'a'))).toEqual([{ outcome: 'applied' }]);
  });
});

test('positions are never older than the question, and asked for once by all who wait', async () => {
  const { target, together } = held();
  const answers: (() => void)[] = [];
  let asked = 0;
  target.positions = async () => {
    const n = ++asked;
    await new Promise<void>((resolve) => answers.push(resolve));
    return [{ incarnation: 'bus', partition: 0, n }];
  };
  const first = together.positions();
  const later = [together.positions(), together.positions()];
  answers.shift()?.();
  expect((await first)[0]?.n).toBe(1);
  await new Promise((resolve) => setImmediate(resolve));
  answers.shift()?.();
  expect((await Promise.all(later)).map(([position]) => position?.n)).toEqual([2, 2]);
  expect(asked).toBe(2);
});
