/** What is done from time to time: forgetting old tombstones and expired documents, and the nightly reconcile. */
import { facts, type SyncParts } from './parts.ts';
import type { StoreSync } from './store.ts';

/**
 * How long a tombstone stands at least. It must outlive every older state of its record that may still come: those in
 * batches not yet acknowledged, and those of an older copy of the bus that somebody puts in place.
 */
const tombstonesMs = 24 * 3_600_000;

/** Purges one store; a failure leaves it to the next time. */
export async function purge(parts: SyncParts, { role, target }: StoreSync): Promise<void> {
  try {
    const lags = await parts.bus.lag(role);
    const oldest = Math.min(parts.clock.now(), ...lags.map(({ oldestAt }) => oldestAt ?? Number.POSITIVE_INFINITY));
    await target.purge(oldest - tombstonesMs);
  } catch (thrown) {
    parts.log.debug({ store: role, ...facts(thrown) }, 'not purged this time');
  }
}

/** Finds what triggers can't see (rule 3): rows without a ledger line. */
export async function adopt({ ledger, log }: SyncParts): Promise<void> {
  try {
    const adopted = await ledger.adoptUnlisted();
    if (adopted > 0) log.warn({ adopted }, 'rows without a ledger line were found and are sent to the stores');
  } catch (thrown) {
    log.warn(facts(thrown), 'the nightly look at the ledger failed');
  }
}
