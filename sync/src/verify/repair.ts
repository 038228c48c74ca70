/** Repair touches; the ordinary path mends; then it is looked at again (rule 15). */
import type { Role } from '@mindora/contracts';
import type { Touch } from '@mindora/stores';
import { repairOf } from './compare.ts';
import type { CheckContext } from './context.ts';
import { candidateOf, type Drifted, judge } from './judge.ts';

/** How often one record is touched before it is left as it is. */
const roundsMax = 3;

export interface Repaired {
  readonly repaired: number;
  /** Still wrong, or not looked at again in time. */
  readonly left: readonly Drifted[];
}

export async function repair(context: CheckContext, drifted: readonly Drifted[]): Promise<Repaired> {
  let left = drifted;
  let repaired = 0;
  const stuck: Drifted[] = [];
  for (let round = 0; round < roundsMax && left.length > 0; round++) {
    await context.parts.ledger.touch(left.map((record) => touchOf(record, context.role)));
    const lines = await context.parts.ledger.read(left);
    context.patience.renew();
    const judged = await judge(
      context,
      left.map((record, index) => candidateOf(record, lines[index] ?? null)),
    );
    repaired += judged.agreed + judged.moving;
    const waiting = new Set(judged.pending.map(({ entity, id }) => `${entity} ${id}`));
    stuck.push(...left.filter(({ entity, id }) => waiting.has(`${entity} ${id}`)));
    left = judged.drifted;
  }
  return { repaired, left: [...stuck, ...left] };
}

/**
 * The same version again for this store alone, because a store takes an equal version. Where the store is above the
 * ledger, or the ledger doesn't know the record, the version rises above the store's.
 */
function touchOf({ entity, id, line, stored }: Drifted, role: Role): Touch {
  if (line === null) return { entity, id, stores: [role], above: stored?.version ?? 0 };
  if (repairOf(line, stored) === 'raise') return { entity, id, stores: null, above: stored?.version ?? 0 };
  return { entity, id, stores: [role] };
}
