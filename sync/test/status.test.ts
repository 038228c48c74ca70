import { expect, test } from '@jest/globals';
import { systemClock } from '@mindora/runtime';
import { busStatus, lagOf } from '../src/status.ts';

test('a bus that hangs is told within some seconds, and asked once however often somebody looks', async () => {
  let asked = 0;
  const hang = (): Promise<never> => {
    asked++;
    return new Promise(() => undefined);
  };
  const parts = { bus: { engine: 'hanging', incarnation: hang, heads: hang, lag: hang }, clock: systemClock() };
  const began = performance.now();
  const looks = await Promise.all([
    busStatus(parts as never),
    busStatus(parts as never),
    lagOf(parts as never, 'cache'),
  ]);
  expect(performance.now() - began).toBeLessThan(20_000);
  expect(looks[0]).toMatchObject({ engine: 'hanging', incarnation: null, lastError: 'store_unavailable' });
  expect(looks[2]).toEqual({ lagBatches: 0, lagMs: 0 });
  expect(asked).toBe(2);
});
