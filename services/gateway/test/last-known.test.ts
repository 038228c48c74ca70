import { expect, test } from '@jest/globals';
import type { Principal } from '@mindora/contracts';
import { type Clock, MindoraError, systemClock } from '@mindora/runtime';
import { createLastKnown } from '../src/last-known.ts';

const admin: Principal = { userId: 'admin_001', role: 'admin', permissions: ['system_config'] };
const away = (): Promise<never> => Promise.reject(new MindoraError('store_unavailable'));
const minuteMs = 60_000;

function world() {
  const time = { now: 0 };
  const clock: Clock = { ...systemClock(), now: () => time.now };
  return { time, ...createLastKnown(clock, 2) };
}

test('who was let in shortly before the primary went away goes on, for an hour', async () => {
  const { time, orKnown } = world();
  await orKnown('key', async () => admin);
  time.now += minuteMs;
  expect(await orKnown('key', away)).toEqual(admin);
  time.now += 59 * minuteMs;
  expect(await orKnown('key', away)).toEqual(admin);
  time.now += minuteMs;
  await expect(orKnown('key', away)).rejects.toMatchObject({ code: 'store_unavailable' });
});

test('nobody is let in who was seen longer ago, never, or was revoked', async () => {
  const { time, orKnown, forget } = world();
  await orKnown('old', async () => admin);
  await expect(orKnown('stranger', away)).rejects.toMatchObject({ code: 'store_unavailable' });
  time.now += minuteMs;
  await orKnown('revoked', async () => admin);
  await orKnown('revoked', async () => null);
  time.now += 1;
  await expect(orKnown('old', away)).rejects.toMatchObject({ code: 'store_unavailable' });
  await expect(orKnown('revoked', away)).rejects.toMatchObject({ code: 'store_unavailable' });
  await orKnown('forgotten', async () => admin);
  forget();
  await expect(orKnown('forgotten', away)).rejects.toMatchObject({ code: 'store_unavailable' });
});

test('any other failure is passed on, and only so many are remembered', async () => {
  const { orKnown } = world();
  await orKnown('a', async () => admin);
  const refused = (): Promise<never> => Promise.reject(new MindoraError('internal'));
  await expect(orKnown('a', refused)).rejects.toMatchObject({ code: 'internal' });
  for (const name of ['b', 'c']) await orKnown(name, async () => admin);
  await expect(orKnown('a', away)).rejects.toMatchObject({ code: 'store_unavailable' });
});

test('a primary that hangs is waited for two seconds', async () => {
  const { orKnown } = world();
  await orKnown('key', async () => admin);
  expect(await orKnown('key', () => new Promise<never>(() => undefined))).toEqual(admin);
});
