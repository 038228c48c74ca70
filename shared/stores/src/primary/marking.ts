/** Changes of ledger lines other than by trigger: marking again, clearing, adopting. */
import { type EntityName, entity, type Role, roles } from '@mindora/contracts';
import type { Clearing, Dialect } from './dialect.ts';
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

/** Ledger lines that one statement, and one commit, changes at most, so that other writes get between. */
export const linesPerStep = 5000;

const lastOfStep = 'SELECT "id" FROM "_ledger" WHERE "entity" = ? AND "id" > ? ORDER BY "id" LIMIT 1 OFFSET ?';

/** Marks the next lines of an entity above an id. Returns how many, and the last one's id; null: there are no more. */
export async function markSome(
  sql: Sql,
  dialect: Dialect,
  name: EntityName,
  stores: readonly Role[] | null,
  after: string,
): Promise<{ count: number; through: string | null }> {
  const [line] = await sql.all(lastOfStep, [name, after, linesPerStep - 1]);
  const through = line === undefined ? null : String(line.id);
  const bits = toBits(stores);
  // Assignments are evaluated in order by MySQL: what `stores` looks at must not have been changed before it.
  const change = bits === null ? `"version" = "version" + 1, "stores" = NULL` : addedStores;
  const bound = through === null ? '' : ' AND "id" <= ?';
  const count = await sql.run(
    `UPDATE "_ledger" SET ${change}, ${pendingNow(dialect)} WHERE "entity" = ? AND "id" > ?${bound}`,
    [...(bits === null ? [] : [bits]), name, after, ...(through === null ? [] : [through])],
  );
  return { count, through };
}

/** Marks every line of an entity for all stores, in one transaction. */
export async function markEntity(sql: Sql, dialect: Dialect, name: EntityName): Promise<void> {
  let after: string | null = '';
  while (after !== null) after = (await markSome(sql, dialect, name, null, after)).through;
}

/** Gives rows that the ledger doesn't know a pending line. Returns how many. */
export async function adoptRows(sql: Sql, dialect: Dialect, name: EntityName): Promise<number> {
  const { table, key } = entity(name);
  return sql.run(
    `INSERT INTO "_ledger" ("entity", "id", "version", "mark", "pending_since")
     SELECT ?, t.${quote(key)}, 1, 1, ${dialect.nowMs} FROM ${quote(table)} AS t WHERE NOT EXISTS
     (SELECT 1 FROM "_ledger" AS l WHERE l."entity" = ? AND l."id" = t.${quote(key)}) ${dialect.orKeep}`,
    [name, name],
  );
}

/** Marks one record, see {@link Touch}. */
export async function touchRecord(sql: Sql, dialect: Dialect, touch: Touch): Promise<void> {
  const line = [touch.entity, touch.id];
  await sql.run(
    `INSERT INTO "_ledger" ("entity", "id", "version", "mark") VALUES (?, ?, 0, 0) ${dialect.orKeep}`,
    line,
  );
  const above = touch.above ?? 0;
  const bits = toBits(touch.stores);
  const behind = await sql.run(
    `UPDATE "_ledger" SET "version" = ? + 1, "stores" = NULL, ${pendingNow(dialect)}
     WHERE "entity" = ? AND "id" = ? AND "version" <= ?`,
    // A line that was there has a version above 0; a new one starts above 0 whatever it is marked for.
    [above, ...line, above],
  );
  if (behind > 0) return;
  const change = bits === null ? `"version" = "version" + 1, "stores" = NULL` : addedStores;
  const text = `UPDATE "_ledger" SET ${change}, ${pendingNow(dialect)} WHERE "entity" = ? AND "id" = ?`;
  await sql.run(text, bits === null ? line : [bits, ...line]);
}

export type ReadMark = { readonly entity: EntityName; readonly id: string; readonly mark: number };

/** What became of marks that were to be cleared, beside those that were and those that newer ones took the place of. */
export interface Uncleared {
  /** How many someone else's open transaction holds: they stay pending. */
  readonly held: number;
  /** Entities with lines that the ledger doesn't have at all. */
  readonly unknown: ReadonlySet<EntityName>;
}

/** Clears the pending marks that are still the ones that were read. */
export async function clearMarks(sql: Sql, dialect: Dialect, read: readonly ReadMark[]): Promise<Uncleared> {
  if (dialect.clearing !== null) return clearListed(sql, dialect.clearing, read);
  const unknown = new Set<EntityName>();
  for (const it of read) if (!(await clearMark(sql, it))) unknown.add(it.entity);
  return { held: 0, unknown };
}

/** Waits for nobody: a transaction that someone leaves open must not keep the others' changes from the stores. */
async function clearListed(sql: Sql, clearing: Clearing, read: readonly ReadMark[]): Promise<Uncleared> {
  const list = (marks: readonly ReadMark[]) => JSON.stringify(marks.map((it) => [it.entity, it.id, it.mark]));
  const nameOf = (it: { entity?: unknown; id?: unknown }) => `${String(it.entity)}/${String(it.id)}`;
  const free = new Set((await sql.all(clearing.lock, [list(read)])).map(nameOf));
  const cleared = read.filter((it) => free.has(nameOf(it)));
  if (cleared.length > 0) await sql.run(clearing.clear, [list(cleared)]);
  if (cleared.length === read.length) return { held: 0, unknown: new Set() };
  const left = await sql.all(clearing.left, [list(read.filter((it) => !free.has(nameOf(it))))]);
  const unknown = left.filter((cells) => cells.known === 0);
  return { held: left.length - unknown.length, unknown: new Set(unknown.map((cells) => cells.entity as EntityName)) };
}

/** False where the ledger has no such line at all. */
async function clearMark(sql: Sql, { entity: name, id, mark }: ReadMark): Promise<boolean> {
  const cleared = await sql.run(
    'UPDATE "_ledger" SET "pending_since" = NULL, "stores" = NULL WHERE "entity" = ? AND "id" = ? AND "mark" = ?',
    [name, id, mark],
  );
  if (cleared > 0) return true;
  const lines = await sql.all('SELECT 1 FROM "_ledger" WHERE "entity" = ? AND "id" = ?', [name, id]);
  return lines.length > 0;
}
