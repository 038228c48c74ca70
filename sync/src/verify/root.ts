import { createHash } from 'node:crypto';
import type { EntityName } from '@mindora/contracts';
import type { PrimaryLedger } from '@mindora/stores';

/** Lines read at once. */
const linesPerRead = 5_000;

/**
 * A fingerprint of the ledger: SHA-256 over one line for each record, `["entity","id",version,present]` as JSON
 * without white space and a line feed, entities in the order given, records in the order of their ids as UTF-8
 * bytes, deleted records included (`present` false). Two runs over the same state give the same root.
 *
 * Lines are read in chunks, each a snapshot of its own. While nobody writes it is the root of one state; while
 * somebody does, each line is right for the moment in which its chunk was read.
 */
export async function ledgerRoot(
  ledger: PrimaryLedger,
  entities: readonly EntityName[],
): Promise<{ records: number; root: string }> {
  const hash = createHash('sha256');
  let records = 0;
  for (const entity of entities) {
    let after: string | null = null;
    for (;;) {
      const lines = await ledger.scanVersions(entity, after, linesPerRead);
      const last = lines.at(-1);
      if (last === undefined) break;
      const text = lines.map(({ id, version, present }) => `${JSON.stringify([entity, id, version, present])}\n`);
      hash.update(text.join(''));
      records += lines.length;
      after = last.id;
    }
  }
  return { records, root: hash.digest('hex') };
}
