/**
 * Sync as the other threads see it: its thread's module, the proxy's type, and the actions by which the gateway and
 * the command line reach it. Loads nothing of sync itself.
 */
import type { EntityName, MetricFamily, Role } from '@mindora/contracts';
import { MindoraError, type ServiceSchema } from '@mindora/runtime';
import { defineService } from '@mindora/runtime/service';
import { retireAdministrator } from '@mindora/stores';
import type { Operations } from './operations.ts';
import type { SyncCalls } from './service.ts';

export type { SyncStatus } from './status.ts';
export type { SyncThreadData } from './thread.ts';

/** The module of sync's thread, for `Thread.start`, with {@link SyncThreadData}. */
export const syncThread = new URL('./thread.ts', import.meta.url);

/** What the thread serves; `thread.proxy<SyncService>()`. */
export type SyncService = SyncCalls & Operations;

interface ParkedFields {
  readonly store?: Role;
  readonly entity?: EntityName;
  readonly ids?: readonly string[];
  readonly limit?: number;
}

interface VerifyFields {
  readonly stores?: readonly Role[];
  readonly entities?: readonly EntityName[];
  readonly repair: boolean;
  readonly dry_run: boolean;
  readonly wait_ms: number;
}

interface TouchFields {
  readonly entity: EntityName;
  readonly ids?: readonly string[];
  readonly store?: Role;
}

/**
 * The shell of sync in the broker (contracts/src/routes/admin.ts).
 *
 * @param primary keeps the last administrator from being erased
 */
export function createSyncActions(
  sync: SyncService,
  primary: Parameters<typeof retireAdministrator>[0],
): ServiceSchema {
  const parkedFilter = ({ store = undefined, entity = undefined, ids = undefined }: ParkedFields) => ({
    store: store ?? null,
    entity: entity ?? null,
    ids: ids ?? null,
  });
  return defineService({
    name: 'sync',
    actions: {
      status: async () => ({ sync: await sync.status() }),
      verify: async ({ body }: { body: VerifyFields }) => ({ job: await sync.startVerify(verifyRequest(body)) }),
      rebuild: async ({ body }: { body: { store: Role } }) => ({ job: await sync.startRebuild(body.store) }),
      erase: async ({ body }: { body: { user_id: string } }) => {
        await retireAdministrator(primary, body.user_id);
        return { job: await sync.startErase(body.user_id) };
      },
      job: async ({ params, query }: { params: { job_id: string }; query: { wait_ms: number } }) => ({
        job: await sync.job(params.job_id, query.wait_ms),
      }),
      touch: async ({ body }: { body: TouchFields }) => ({ touched: await touch(sync, body) }),
      parked: async ({ query }: { query: ParkedFields }) => {
        const parked = await sync.listParked(parkedFilter(query));
        return { parked: parked.slice(0, query.limit) };
      },
      replayParked: async ({ body }: { body: ParkedFields }) => ({
        replayed: await sync.replayParked(parkedFilter(body)),
      }),
      dropParked: async ({ body }: { body: ParkedFields }) => ({ dropped: await sync.dropParked(parkedFilter(body)) }),
    },
    internal: {
      waitFor: async ({ store, token, timeoutMs }: { store: Role; token: string; timeoutMs: number }) => {
        await sync.waitFor(store, token, timeoutMs);
        return {};
      },
      metrics: async () => [...(await sync.metrics()), ...verifyMetrics(await sync.lastReport())],
    },
    // A read may wait for its position for a minute.
    timeoutsMs: { waitFor: 70_000 },
  });
}

function verifyRequest(body: VerifyFields): Parameters<Operations['startVerify']>[0] {
  const { stores, entities, repair, dry_run, wait_ms } = body;
  return { stores: stores ?? null, entities: entities ?? null, repair, dryRun: dry_run, waitMs: wait_ms };
}

function touch(sync: SyncService, { entity, ids, store }: TouchFields): Promise<number> {
  if (store !== undefined && ids?.length === 0) throw new MindoraError('invalid_request', 'no ids');
  return sync.touch(entity, ids ?? null, store === undefined ? null : [store]);
}

const counted = ['missing', 'extra', 'stale', 'different', 'resurrected', 'pending', 'parked', 'repaired'] as const;

/** What the newest verify found, for alerts (A5.2). */
function verifyMetrics(report: Awaited<ReturnType<SyncService['lastReport']>>): MetricFamily[] {
  if (report === null) return [];
  const whole = (name: string, help: string, value: number): MetricFamily => ({
    name,
    help,
    type: 'gauge',
    values: [{ labels: {}, value }],
  });
  const values = Object.entries(report.stores).flatMap(([store, verdict]) =>
    counted.map((kind) => ({ labels: { store, kind }, value: verdict[kind] })),
  );
  return [
    whole(
      'mindora_verify_agree',
      'Whether every store agreed with the primary at the newest verify',
      Number(report.agree),
    ),
    whole(
      'mindora_verify_started_timestamp_seconds',
      'When the newest verify began',
      Date.parse(report.started_at) / 1000,
    ),
    { name: 'mindora_verify_records', help: 'Records by verdict at the newest verify', type: 'gauge', values },
  ];
}
