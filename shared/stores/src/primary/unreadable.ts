/**
 * Ids that were typed into the database's shell as bytes that are no text: read as a string they become another id, so
 * that nothing could ever clear their marks, and capture would carry them again without end.
 */
import { type EntityName, entity, storesOf } from '@mindora/contracts';
import { park } from './ledger-writes.ts';
import { quote, type Sql } from './sql.ts';
import type { UnitContext } from './units.ts';

/** Most lines that are looked at in one go; what is left shows up with the next pass. */
const linesMax = 100_000;

const reason = 'its id is not valid UTF-8';

/** Clears the marks of such lines, and parks those that live in the stores that should have them. */
export async function setUnreadableAside(sql: Sql, context: UnitContext, name: EntityName): Promise<void> {
  const { table, key } = entity(name);
  const text = `SELECT hex(l."id") AS "bytes", l."version",
      EXISTS (SELECT 1 FROM ${quote(table)} AS t WHERE t.${quote(key)} = l."id") AS "present"
    FROM "_ledger" AS l WHERE l."pending_since" IS NOT NULL AND l."entity" = ? LIMIT ?`;
  for (const { bytes, version, present } of await sql.all(text, [name, linesMax])) {
    const raw = Buffer.from(String(bytes), 'hex');
    const id = raw.toString('utf8');
    if (Buffer.from(id, 'utf8').equals(raw)) continue;
    const clear = `UPDATE "_ledger" SET "pending_since" = NULL, "stores" = NULL
      WHERE "pending_since" IS NOT NULL AND "entity" = ? AND hex("id") = ?`;
    await sql.run(clear, [name, String(bytes)]);
    const records = storesOf(name).map((store) => ({ store, entity: name, id, version: Number(version), reason }));
    if (present === 1) await park(sql, context, records);
    else await sql.run('DELETE FROM "_parked" WHERE "entity" = ? AND "id" = ?', [name, id]);
  }
}
