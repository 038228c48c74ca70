/** What sync changes in the primary: each function is one piece of work for the writer. */
import {
  type EntityName,
  entity,
  entityNames,
  type RecordKey,
  type RecordVersion,
  type Role,
} from '@mindora/contracts';
import { MindoraError } from '@mindora/runtime';
import type { Dialect } from './dialect.ts';
import { keysOfUser, publishedName } from './ledger-reads.ts';
import { adoptRows } from './marking.ts';
import type { EmbeddingAssignment, EmbeddingRow, ParkedRecord, PublishedTo } from './port.ts';
import { quote, type Sql } from './sql.ts';
import { erasureGate } from './tables.ts';
import { insertRow, type UnitContext, versionOf } from './units.ts';

const leaseName = 'capture';

/**
 * Takes or renews the one lease; false while another holder has it. Holders on other machines have other clocks: only
 * the database's counts.
 */
export async function takeLease(sql: Sql, dialect: Dialect, holder: string, ttlMs: number): Promise<boolean> {
  const taken = await sql.run(
    `UPDATE "_lease" SET "holder" = ?, "expires_at" = ${dialect.nowMs} + ?
     WHERE "name" = ? AND ("holder" = ? OR "expires_at" <= ${dialect.nowMs})`,
    [holder, ttlMs, leaseName, holder],
  );
  if (taken > 0) return true;
  const [lease] = await sql.all('SELECT 1 FROM "_lease" WHERE "name" = ?', [leaseName]);
  if (lease !== undefined) return false;
  const first = `INSERT INTO "_lease" ("name", "holder", "expires_at") VALUES (?, ?, ${dialect.nowMs} + ?)`;
  await sql.run(first, [leaseName, holder, ttlMs]);
  return true;
}

/** Gives the lease back, if the holder has it. */
export async function releaseLease(sql: Sql, holder: string): Promise<void> {
  await sql.run('DELETE FROM "_lease" WHERE "name" = ? AND "holder" = ?', [leaseName, holder]);
}

/** Adopts the rows of all entities that the ledger doesn't know. */
export async function adoptAll(sql: Sql, context: UnitContext): Promise<number> {
  let adopted = 0;
  for (const name of entityNames) adopted += await adoptRows(sql, context.dialect, name);
  return adopted;
}

/** Notes refused records; one that is parked already counts another attempt. */
export async function park(
  sql: Sql,
  context: UnitContext,
  records: readonly Omit<ParkedRecord, 'parkedAt' | 'attempts'>[],
): Promise<void> {
  for (const { store, entity: name, id, version, reason } of records) {
    const line = [store, name, id];
    const changed = await sql.run(
      `UPDATE "_parked" SET "version" = ?, "reason" = ?, "parked_at" = ?, "attempts" = "attempts" + 1
       WHERE "store" = ? AND "entity" = ? AND "id" = ?`,
      [version, reason, context.clock.timestamp(), ...line],
    );
    if (changed > 0) continue;
    const values = [...line, version, reason, context.clock.timestamp(), 1];
    const columns = '"store", "entity", "id", "version", "reason", "parked_at", "attempts"';
    await sql.run(`INSERT INTO "_parked" (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?)`, values);
  }
}

/** Forgets parked entries at these versions or older. */
export async function unpark(sql: Sql, store: Role, records: readonly RecordVersion[]): Promise<void> {
  for (const { entity: name, id, version } of records) {
    await sql.run('DELETE FROM "_parked" WHERE "store" = ? AND "entity" = ? AND "id" = ? AND "version" <= ?', [
      store,
      name,
      id,
      version,
    ]);
  }
}

/** See {@link PrimaryLedger.assignEmbeddings}. Vectors that no valid assignment uses are not stored. */
export async function assignEmbeddings(
  sql: Sql,
  context: UnitContext,
  made: readonly EmbeddingRow[],
  assignments: readonly EmbeddingAssignment[],
): Promise<void> {
  const known = new Map(made.map((row) => [row.id, row]));
  const left = new Set<string>();
  for (const assignment of assignments) {
    if ((await versionOf(sql, assignment.entity, assignment.id)) !== assignment.version) continue;
    const previous = await reassign(sql, assignment);
    if (previous !== null && previous !== assignment.embeddingId) left.add(previous);
    const row = assignment.embeddingId === null ? undefined : known.get(assignment.embeddingId);
    if (row !== undefined) await storeEmbedding(sql, context, row);
  }
  await deleteUnused(sql, [...left]);
}

/** Notes which embedding a record uses; the one it used before. */
async function reassign(sql: Sql, it: EmbeddingAssignment): Promise<string | null> {
  const line = [it.entity, it.id];
  const where = 'WHERE "entity" = ? AND "record_id" = ?';
  const [present] = await sql.all(`SELECT "embedding_id" FROM "_embedding_refs" ${where}`, line);
  const previous = present === undefined ? null : String(present.embedding_id);
  if (previous === it.embeddingId) return previous;
  if (previous !== null) await sql.run(`DELETE FROM "_embedding_refs" ${where}`, line);
  if (it.embeddingId !== null) {
    const text = 'INSERT INTO "_embedding_refs" ("entity", "record_id", "embedding_id") VALUES (?, ?, ?)';
    await sql.run(text, [...line, it.embeddingId]);
  }
  return previous;
}

async function storeEmbedding(sql: Sql, context: UnitContext, row: EmbeddingRow): Promise<void> {
  const [present] = await sql.all('SELECT 1 FROM "embeddings" WHERE "id" = ?', [row.id]);
  if (present === undefined) await insertRow(sql, context, 'embedding', { ...row });
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

/** Notes that a user is being erased; may be called again. Units that did not see it yet are waited for. */
export async function beginErasure(sql: Sql, context: UnitContext, userId: string): Promise<void> {
  await sql.run('UPDATE "_meta" SET "value" = ? WHERE "name" = ?', [context.clock.timestamp(), erasureGate]);
  await sql.run(
    `INSERT INTO "_erasures" ("user_id", "started_at") SELECT ?, ?
     WHERE NOT EXISTS (SELECT 1 FROM "_erasures" WHERE "user_id" = ?)`,
    [userId, context.clock.timestamp(), userId],
  );
}

/** Notes that a user's erasure is done. @throws MindoraError `not_found` where none was begun */
export async function endErasure(sql: Sql, context: UnitContext, userId: string): Promise<void> {
  const text = 'UPDATE "_erasures" SET "ended_at" = COALESCE("ended_at", ?) WHERE "user_id" = ?';
  const changed = await sql.run(text, [context.clock.timestamp(), userId]);
  if (changed === 0) throw new MindoraError('not_found', 'no erasure of this user was begun');
}

/**
 * Deletes every record of a user, its API keys, and embeddings that were of its texts alone. The keys of all records
 * that were deleted, embeddings included.
 */
export async function deleteUser(sql: Sql, userId: string): Promise<RecordKey[]> {
  const keys = await keysOfUser(sql, userId);
  const embeddings = new Set<string>();
  for (const key of keys) {
    const embeddingId = await reassign(sql, { ...key, version: 0, embeddingId: null });
    if (embeddingId !== null) embeddings.add(embeddingId);
    await deleteRecord(sql, key.entity, key.id);
  }
  await sql.run('DELETE FROM "api_keys" WHERE "user_id" = ?', [userId]);
  const unused = await deleteUnused(sql, [...embeddings]);
  return [...keys, ...unused.map((id) => ({ entity: 'embedding' as const, id }))];
}

async function deleteRecord(sql: Sql, name: EntityName, id: string): Promise<void> {
  const { table, key } = entity(name);
  await sql.run(`DELETE FROM ${quote(table)} WHERE ${quote(key)} = ?`, [id]);
}

/** Notes how far the bus has got, in the commit that clears the marks of what it holds. */
export async function notePublished(sql: Sql, published: PublishedTo): Promise<void> {
  const value = JSON.stringify(published);
  const changed = await sql.run('UPDATE "_meta" SET "value" = ? WHERE "name" = ?', [value, publishedName]);
  if (changed === 0) await sql.run('INSERT INTO "_meta" ("name", "value") VALUES (?, ?)', [publishedName, value]);
}
