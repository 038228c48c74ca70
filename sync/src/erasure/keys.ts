import { entity, entityNames, type RecordKey } from '@mindora/contracts';
import type { PrimaryLedger } from '@mindora/stores';

/** Keys looked at at once. */
export const keysAtOnce = 500;

/** Keys in chunks. */
export async function* chunked(keys: readonly RecordKey[]): AsyncGenerator<RecordKey[]> {
  for (let start = 0; start < keys.length; start += keysAtOnce) yield keys.slice(start, start + keysAtOnce);
}

/**
 * Keys of every deleted record that may have belonged to a user, in chunks.
 *
 * The ledger keeps keys, not owners: an erasure that was broken off after its deletion can't tell any more which of
 * the deleted were the user's, and looks at all of them. They all have to be gone from the stores anyway.
 */
export async function* deletedKeys(ledger: PrimaryLedger): AsyncGenerator<RecordKey[]> {
  for (const name of entityNames) {
    if (name !== 'user' && name !== 'embedding' && entity(name).owner === undefined) continue;
    let after: string | null = null;
    for (;;) {
      const lines = await ledger.scanVersions(name, after, keysAtOnce);
      const last = lines.at(-1);
      if (last === undefined) break;
      const gone = lines.filter(({ present }) => !present).map(({ id }) => ({ entity: name, id }));
      if (gone.length > 0) yield gone;
      after = last.id;
    }
  }
}
