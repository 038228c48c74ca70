/** Who uses which embedding. All records of a batch at once: on a server each statement is a round trip. */
import type { EntityName, RecordKey } from '@mindora/contracts';
import type { EmbeddingAssignment, EmbeddingRow } from './port.ts';
import { type Cells, chunks, placeholders, rowParts, type Sql } from './sql.ts';
import { insertRows, type UnitContext } from './units.ts';

/** See {@link PrimaryLedger.assignEmbeddings}. Vectors that no valid assignment uses are not stored. */
export async function assignEmbeddings(
  sql: Sql,
  context: UnitContext,
  made: readonly EmbeddingRow[],
  assignments: readonly EmbeddingAssignment[],
): Promise<void> {
  const left = new Set<string>();
  const used = new Set<string>();
  for (const [entity, own] of Map.groupBy(assignments, (assignment) => assignment.entity)) {
    const present = await presentOf(sql, context, entity, own);
    const previous = await refsOf(sql, entity, present);
    const changed = present.filter(({ id, embeddingId }) => (previous.get(id) ?? null) !== embeddingId);
    await reassign(sql, entity, changed, previous);
    for (const { id } of changed) if (previous.has(id)) left.add(previous.get(id) ?? '');
    for (const { embeddingId } of present) if (embeddingId !== null) used.add(embeddingId);
  }
  await storeAbsent(
    sql,
    context,
    made.filter(({ id }) => used.has(id)),
  );
  await deleteUnused(sql, [...left]);
}

/**
 * Those whose record has still the version that was embedded; the last one of each record. On a server their lines stay
 * locked until the commit: an erasure beside this would otherwise leave behind what is assigned here.
 */
async function presentOf(
  sql: Sql,
  { dialect }: UnitContext,
  entity: EntityName,
  assignments: readonly EmbeddingAssignment[],
): Promise<EmbeddingAssignment[]> {
  const ids = assignments.map(({ id }) => id);
  const text = 'SELECT "id", "version" FROM "_ledger" WHERE "entity" = ? AND "id"';
  const lines = await found(sql, text, { entity, ids, locking: dialect.locking });
  const versions = new Map(lines.map((line) => [String(line.id), Number(line.version)]));
  const present = assignments.filter(({ id, version }) => (versions.get(id) ?? 0) === version);
  return [...new Map(present.map((assignment) => [assignment.id, assignment])).values()];
}

/** The embeddings that records use, by record. */
async function refsOf(sql: Sql, entity: EntityName, records: readonly { readonly id: string }[]) {
  const text = 'SELECT "record_id", "embedding_id" FROM "_embedding_refs" WHERE "entity" = ? AND "record_id"';
  const ids = records.map(({ id }) => id);
  const lines = await found(sql, text, { entity, ids, locking: '' });
  return new Map(lines.map((line) => [String(line.record_id), String(line.embedding_id)]));
}

async function found(
  sql: Sql,
  text: string,
  { entity, ids, locking }: { entity: EntityName; ids: readonly string[]; locking: string },
): Promise<Cells[]> {
  const lines: Cells[] = [];
  for (const part of chunks(ids)) {
    const list = placeholders(part);
    lines.push(...(await sql.all(`${text} IN (${list.text})${locking}`, [entity, ...list.values])));
  }
  return lines;
}

async function reassign(
  sql: Sql,
  entity: EntityName,
  changed: readonly EmbeddingAssignment[],
  previous: ReadonlyMap<string, string>,
): Promise<void> {
  const released = changed.flatMap(({ id }) => (previous.has(id) ? [id] : []));
  for (const part of chunks(released)) {
    const list = placeholders(part);
    const text = `DELETE FROM "_embedding_refs" WHERE "entity" = ? AND "record_id" IN (${list.text})`;
    await sql.run(text, [entity, ...list.values]);
  }
  const lines = changed.flatMap(({ id, embeddingId }) => (embeddingId === null ? [] : [[entity, id, embeddingId]]));
  for (const part of rowParts(lines)) {
    const rows = part.map(() => '(?, ?, ?)').join(', ');
    const text = `INSERT INTO "_embedding_refs" ("entity", "record_id", "embedding_id") VALUES ${rows}`;
    await sql.run(text, part.flat());
  }
}

async function storeAbsent(sql: Sql, context: UnitContext, made: readonly EmbeddingRow[]): Promise<void> {
  const rows = new Map(made.map((row) => [row.id, row]));
  for (const part of chunks([...rows.keys()])) {
    const list = placeholders(part);
    const present = await sql.all(`SELECT "id" FROM "embeddings" WHERE "id" IN (${list.text})`, list.values);
    for (const { id } of present) rows.delete(String(id));
  }
  await insertRows(
    sql,
    context,
    'embedding',
    [...rows.values()].map((row) => ({ ...row })),
  );
}

/** Notes that a record uses none any more; the one it used before. */
export async function releaseEmbedding(sql: Sql, { entity, id }: RecordKey): Promise<string | null> {
  const previous = (await refsOf(sql, entity, [{ id }])).get(id) ?? null;
  if (previous !== null) {
    await sql.run('DELETE FROM "_embedding_refs" WHERE "entity" = ? AND "record_id" = ?', [entity, id]);
  }
  return previous;
}

/** Deletes those of the embeddings that no record uses; which. */
export async function deleteUnused(sql: Sql, ids: readonly string[]): Promise<string[]> {
  const deleted: string[] = [];
  for (const id of ids) {
    const unused = 'NOT EXISTS (SELECT 1 FROM "_embedding_refs" WHERE "embedding_id" = ?)';
    if ((await sql.run(`DELETE FROM "embeddings" WHERE "id" = ? AND ${unused}`, [id, id])) > 0) deleted.push(id);
  }
  return deleted;
}
