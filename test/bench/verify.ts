import { roles, type VerifyReport } from '@mindora/contracts';
import { type Figures, type Measurement, perSecond } from './figures.ts';
import { finished, settled, type World } from './world.ts';

/** Records a second that verify compares: all stores at once, and each alone. */
export async function measureVerify({ sync }: World): Promise<Measurement> {
  await settled(sync);
  const verify = async (stores: typeof roles | readonly [(typeof roles)[number]], name: string): Promise<Figures> => {
    const request = { stores, entities: null, repair: false, dryRun: false, waitMs: 60_000 };
    const report = (await finished(sync, sync.startVerify(request))) as unknown as VerifyReport;
    if (!report.agree) throw new Error(`the stores do not agree: ${JSON.stringify(report.differences.slice(0, 3))}`);
    const checked = Object.values(report.stores).reduce((sum, store) => sum + store.checked, 0);
    return { stores: name, checked, ms: Math.round(report.took_ms), 'records/s': perSecond(checked, report.took_ms) };
  };
  const rows = [await verify(roles, 'all')];
  for (const role of roles) rows.push(await verify([role], role));
  return { name: 'verify', about: 'records compared, every field', rows };
}

/** Records a second that a rebuild brings into each store. */
export async function measureRebuild({ sync }: World): Promise<Measurement> {
  const rows: Figures[] = [];
  for (const role of roles) {
    const began = performance.now();
    const { records } = await finished(sync, sync.startRebuild(role));
    const ms = performance.now() - began;
    rows.push({
      store: role,
      records: Number(records),
      ms: Math.round(ms),
      'records/s': perSecond(Number(records), ms),
    });
  }
  await settled(sync);
  return { name: 'rebuild', about: 'wiped and filled from the primary, one store after the other', rows };
}
