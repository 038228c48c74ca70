/** Changes of ledger lines other than by trigger: marking again, clearing, adopting. */
import { type EntityName, entity, type Role, roles } from '@mindora/contracts';
import type { Dialect } from './dialect.ts';
import type { Touch } from './port.ts';
import { quote, type Sql } from './sql.ts';

/** Roles as bits in their order; null stands for all. */
export function toBits(stores: readonly Role[] | null): number | null {
  return stores === null ? null : stores.reduce((bits, role) => bits | (1 << roles.indexOf(role)), 0);
}

/** The inverse of {@link toBits}. */
export function fromBits(bits: unknown): Role[] | null {
  return typeof bits === 'number' ? roles.filter((_, index) => (bits & (1 << index)) !== 0) : null;
}

function pendingNow(dialect: Dialect): string {
  return `"mark" = "mark" + 1, "pending_since" = COALESCE("pending_since", ${dialect.nowMs})`;
}

/** A mark for all stores stays one for all. */
const addedStores =
  '"stores" = CASE WHEN "pending_since" IS NOT NULL AND "stores" IS NULL THEN NULL ELSE COALESCE("stores", 0) | ? END';

/** Marks every line of an entity above an id, up to another (null: no bound). Returns how many. */
export async function markEntity(
  sql: Sql,
  dialect: Dialect,
  name: EntityName,
  stores: readonly Role[] | null,
  range: { after: string | null; through: string | null } = { after: null, through: null },
): Promise<number> {
  const bits = toBits(stores);
  // Assignments are evaluated in order by MySQL: what `stores` looks at must not have been changed before it.
  const change = bits === null ? `"version" = "version" + 1, "stores" = NULL` : addedStores;
  const bounds = `${range.after === null ? '' : ' AND "id" > ?'}${range.through === null ? '' : ' AND "id" <= ?'}`;
  return sql.run(`UPDATE "_ledger" SET ${change}, ${pendingNow(dialect)} WHERE "entity" = ?${bounds}`, [
    ...(bits === null ? [] : [bits]),
    name,
    ...(range.after === null ? [] : [range.after]),
    ...(range.through === null ? [] : [range.through]),
  ]);
}

/** Gives rows that the ledger doesn't know a pending line. Returns how many. */
export async function adoptRows(sql: Sql, dialect: Dialect, name: EntityName): Promise<number> {
  const { table, key } = entity(name);
  return sql.run(
    `INSERT INTO "_ledger" ("entity", "id", "version", "mark", "pending_since")
     SELECT ?, t.${quote(key)}, 1, 1, ${dialect.nowMs} FROM ${quote(table)} AS t WHERE NOT EXISTS
     (SELECT 1 FROM "_ledger" AS l WHERE l."entity" = ? AND l."id" = t.${quote(key)})`,
    [name, name],
  );
}

/** Marks one record, see {@link Touch}. */
export async function touchRecord(sql: Sql, dialect: Dialect, touch: Touch): Promise<void> {
  const line = [touch.entity, touch.id];
  const made = await sql.run(
    `INSERT INTO "_ledger" ("entity", "id", "version", "mark") SELECT ?, ?, 0, 0
     WHERE NOT EXISTS (SELECT 1 FROM "_ledger" WHERE "entity" = ? AND "id" = ?)`,
    [...line, ...line],
  );
  const above = touch.above ?? 0;
  const bits = toBits(touch.stores);
  const behind = await sql.run(
    `UPDATE "_ledger" SET "version" = ? + 1, "stores" = NULL, ${pendingNow(dialect)}
     WHERE "entity" = ? AND "id" = ? AND "version" <= ?`,
    // A new line starts above 0 whatever it is marked for.
    [above, ...line, touch.above === undefined ? (made > 0 ? 0 : -1) : above],
  );
  if (behind > 0) return;
  const change = bits === null ? `"version" = "version" + 1, "stores" = NULL` : addedStores;
  const text = `UPDATE "_ledger" SET ${change}, ${pendingNow(dialect)} WHERE "entity" = ? AND "id" = ?`;
  await sql.run(text, bits === null ? line : [bits, ...line]);
}

/** Clears a pending mark if it is still the one that was read. False where the ledger has no such line at all. */
export async function clearMark(sql: Sql, entityName: EntityName, id: string, mark: number): Promise<boolean> {
  const cleared = await sql.run(
    'UPDATE "_ledger" SET "pending_since" = NULL, "stores" = NULL WHERE "entity" = ? AND "id" = ? AND "mark" = ?',
    [entityName, id, mark],
  );
  if (cleared > 0) return true;
  const lines = await sql.all('SELECT 1 FROM "_ledger" WHERE "entity" = ? AND "id" = ?', [entityName, id]);
  return lines.length > 0;
}
