import { setTimeout as pause } from 'node:timers/promises';
import { encodePosition, type Role, roles } from '@mindora/contracts';
import { type Measurement, percentile } from './figures.ts';
import { insertion } from './records.ts';
import type { World } from './world.ts';

const everyMs = 40;
const firstNumber = 1_000_000;

/** How long after its commit a write is seen by each store's queries, at a steady rate. */
export async function measureFreshness({ primary, sync }: World, samples: number): Promise<Measurement> {
  const times = new Map<Role, number[]>(roles.map((role) => [role, []]));
  const watch = async (role: Role, token: string, committedAt: number): Promise<void> => {
    await sync.waitFor(role, token, 30_000);
    times.get(role)?.push(performance.now() - committedAt);
  };
  const watched: Promise<void>[] = [];
  for (let n = 0; n < samples; n++) {
    const next = pause(everyMs);
    const written = await primary.write([insertion(firstNumber + n)]);
    const [token, committedAt] = [encodePosition(written), performance.now()];
    watched.push(...roles.map((role) => watch(role, token, committedAt)));
    await next;
  }
  await Promise.all(watched);
  return {
    name: 'freshness',
    about: `commit to visible, ${samples} writes at ${1000 / everyMs} a second`,
    rows: [...times].map(([store, ms]) => ({ store, 'p50 ms': percentile(ms, 0.5), 'p99 ms': percentile(ms, 0.99) })),
  };
}
