/**
 * Proves that the stores agree with the primary, while writes go on (architecture, rules 13-16; requirements A5.1 and
 * A5.2), and mends what does not.
 */
import { type EntityName, entitiesOf, entityNames, type Role, roles, type VerifyReport } from '@mindora/contracts';
import type { OnProgress, VerifyOptions, VerifyParts } from './ports.ts';
import { ledgerRoot } from './root.ts';
import { StoreCheck, type StoreResult } from './store-check.ts';

export type { OnProgress, VerifyOptions, VerifyParts } from './ports.ts';

/** Stores that are checked at the same time. */
const storesAtOnce = 2;

const differencesMaxDefault = 1_000;

/**
 * Compares stores with the primary.
 *
 * @throws MindoraError `shutting_down` where the signal broke it off; `store_unavailable` where the primary fails
 */
export async function verify(
  parts: VerifyParts,
  options: VerifyOptions,
  onProgress: OnProgress = () => undefined,
): Promise<VerifyReport> {
  const startedAt = parts.clock.timestamp();
  const began = parts.clock.now();
  // Rows that triggers missed would be invisible to the comparison; marked, they are on their way like any write.
  const adopted = options.dryRun ? 0 : await parts.ledger.adoptUnlisted();
  const { records: total } = await parts.ledger.statistics();
  const results = await checkStores(parts, options, { on: onProgress, total });
  const { records, root } = await ledgerRoot(parts.ledger, options.entities ?? entityNames);
  return {
    version: parts.version,
    agree: [...results.values()].every(agrees),
    scope: 'full',
    ledger: { records, root, adopted },
    took_ms: parts.clock.now() - began,
    stores: Object.fromEntries([...results].map(([role, { verdict }]) => [role, verdict])),
    ...listed([...results.values()], options.differencesMax ?? differencesMaxDefault),
    started_at: startedAt,
    position: { incarnation: await parts.bus.incarnation(), heads: await parts.bus.heads() },
    embedder: `${parts.embedder.model}/${parts.embedder.dimensions}`,
  };
}

async function checkStores(
  parts: VerifyParts,
  options: VerifyOptions,
  progress: { readonly on: OnProgress; readonly total: number },
): Promise<Map<Role, StoreResult>> {
  const wanted = roles.filter((role) => options.stores?.includes(role) ?? true);
  const queue = inOrder(wanted).flatMap((role) => {
    const target = parts.targets.get(role);
    return target === undefined ? [] : [{ role, target }];
  });
  const results = new Map<Role, StoreResult>();
  let vectors: Promise<unknown> = Promise.resolve();
  const lane = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      if (next.role === 'relational') await vectors;
      const check = new StoreCheck(parts, next.role, next.target, options, progress);
      const result = check.run(entitiesFor(next.role, options.entities));
      if (next.role === 'vectors') vectors = result;
      results.set(next.role, await result);
    }
  };
  await Promise.all(Array.from({ length: storesAtOnce }, lane));
  return new Map(wanted.flatMap((role) => [...results].filter(([name]) => name === role)));
}

/**
 * Embeddings are records that only the workers of vectors make: what has agreed there has them, so relational, which
 * holds them, too, comes after it. Checked before, it would agree about embeddings that are yet to come.
 */
function inOrder(wanted: readonly Role[]): Role[] {
  const place = (role: Role): number => (role === 'vectors' ? 0 : role === 'relational' ? 2 : 1);
  return [...wanted].sort((a, b) => place(a) - place(b));
}

function entitiesFor(role: Role, entities: readonly EntityName[] | null): EntityName[] {
  return entitiesOf(role).filter((name) => entities?.includes(name) ?? true);
}

function agrees({ verdict }: StoreResult): boolean {
  const { missing, extra, stale, different, resurrected, pending, parked, error } = verdict;
  return error === null && missing + extra + stale + different + resurrected + pending + parked === 0;
}

function listed(
  results: readonly StoreResult[],
  max: number,
): Pick<VerifyReport, 'differences' | 'differences_truncated'> {
  const differences = results.flatMap((result) => result.differences);
  const unlisted = results.reduce((sum, result) => sum + result.unlisted, 0);
  return { differences: differences.slice(0, max), differences_truncated: unlisted > 0 || differences.length > max };
}
