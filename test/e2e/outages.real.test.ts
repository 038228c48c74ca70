/** The short form of `npm run fault -- --outages`: three kinds of outage, on engines of this test's own. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { EngineName } from '@mindora/testing/engines';
import { runOutage } from '../faults/outages/outage.ts';
import { type OutageKind, OutageWorld } from '../faults/outages/world.ts';

const seed = Date.now() % 1_000_000;
const startMs = 170_000;
const outageMs = 170_000;
const seconds = 4;
const ratePerS = 25;

const outages: readonly (readonly [EngineName, OutageKind])[] = [
  ['redis', 'kill'],
  ['postgres', 'freeze'],
  ['nats', 'lose'],
];

describe(`engines that go away (seed ${seed})`, () => {
  let world: OutageWorld;

  beforeAll(async () => {
    world = await OutageWorld.open('nats');
  }, startMs);

  afterAll(() => world?.close(), outageMs);

  test.each(outages)(
    '%s, %s: lag is told, nothing acknowledged is lost, every store agrees again unaided',
    async (engine, kind) => {
      const { counts, checked } = await runOutage(world, { engine, kind, seconds, ratePerS, seed });
      expect(counts.acknowledged).toBeGreaterThan(0);
      expect(counts.refused).toBe(0);
      expect(checked).toBeGreaterThan(counts.acknowledged);
    },
    outageMs,
  );
});
