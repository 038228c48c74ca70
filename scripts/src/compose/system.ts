import { type PartHealth, roles } from '@mindora/contracts';
import type { Clock, ServiceSchema } from '@mindora/runtime';
import { defineService } from '@mindora/runtime/service';
import type { StoreByRole } from '@mindora/stores/create';
import type { SyncService } from '@mindora/sync/client';
import { type Measure, measureAll } from './measure.ts';

/** A part that doesn't answer within this time counts as not healthy. */
const patienceMs = 3000;

export interface SystemDependencies {
  readonly primary: { health(): Promise<{ ok: boolean }> };
  readonly stores: StoreByRole;
  readonly sync: Pick<SyncService, 'status'>;
  readonly clock: Clock;
  readonly measures: readonly Measure[];
}

/** Answers whether every part of a version does its work (`/ready`), and what it is measured by (`/metrics`). */
export function createSystemService({ primary, stores, sync, clock, measures }: SystemDependencies): ServiceSchema {
  const ask = async (name: string, health: () => Promise<{ ok: boolean }>): Promise<PartHealth> => {
    const patience = new AbortController();
    const late = clock.sleep(patienceMs, patience.signal).then(() => ({ ok: false }));
    // Whatever a part throws, it is not healthy; its own log says why.
    const answer = await Promise.race([health().catch(() => ({ ok: false })), late]);
    patience.abort();
    return { name, ok: answer.ok };
  };
  const ready = (): Promise<PartHealth[]> =>
    Promise.all([
      ask('primary', () => primary.health()),
      ask('sync', async () => ({ ok: (await sync.status()).capture.state !== 'failing' })),
      ...roles.map((role) => ask(`stores.${role}`, () => stores[role].health())),
    ]);
  const metrics = () => measureAll(measures);
  return defineService({ name: 'system', actions: {}, internal: { ready, metrics } });
}
