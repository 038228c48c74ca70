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
import { deleteUnused, releaseEmbedding } from './embedding-writes.ts';
import { keysOfUser, publishedName } from './ledger-reads.ts';
import { adoptRows } from './marking.ts';
import type { ParkedRecord, PublishedTo } from './port.ts';
import { quote, type Sql } from './sql.ts';
import { erasureGate } from './tables.ts';
import type { UnitContext } from './units.ts';

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
    const embeddingId = await releaseEmbedding(sql, key);
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
