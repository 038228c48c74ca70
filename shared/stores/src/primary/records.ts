/** What services read of the primary. */
import type { Row } from '@mindora/contracts';
import { MindoraError } from '@mindora/runtime';
import type { Dialect } from './dialect.ts';
import type { ApiKey, FindRows } from './port.ts';
import { columnOf, decodeRow, definitionOf, encode, selectList } from './rows.ts';
import { type Cell, type Cells, quote, type Sql } from './sql.ts';

/** Most rows of one answer. */
export const findLimitMax = 10_000;

/** Rows of one entity by equality, in the order of the key. */
export async function findRows(sql: Sql, dialect: Dialect, query: FindRows): Promise<Row[]> {
  const definition = definitionOf(query.entity);
  const key = quote(definition.key);
  const secrets = query.secrets === true;
  const values: Cell[] = [];
  const conditions = Object.entries(query.where ?? {}).map(([name, value]) => {
    if (columnOf(definition, name).secret === true && !secrets) {
      throw new MindoraError('invalid_request', `${definition.name} has no such field`, { data: { fields: [name] } });
    }
    if (value === null) return `${quote(name)} IS NULL`;
    values.push(dialect.cell(encode(definition, name, value), columnOf(definition, name)));
    return `${quote(name)} = ?`;
  });
  if (typeof query.after === 'string') {
    conditions.push(`${key} > ?`);
    values.push(query.after);
  }
  const where = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
  const list = selectList(definition, dialect, secrets);
  const text = `SELECT ${list} FROM ${quote(definition.table)}${where} ORDER BY ${key} LIMIT ?`;
  const found = await sql.all(text, [...values, checkedLimit(query.limit)]);
  return found.map((cells) => decodeRow(definition, cells, secrets));
}

function checkedLimit(limit: number): number {
  if (Number.isInteger(limit) && limit >= 1 && limit <= findLimitMax) return limit;
  throw new MindoraError('invalid_request', `limit must be from 1 to ${findLimitMax}`, { data: { fields: ['limit'] } });
}

function apiKeyOf(cells: Cells): ApiKey {
  return {
    id: String(cells.id),
    hash: String(cells.hash),
    user_id: String(cells.user_id),
    name: String(cells.name),
    created_at: String(cells.created_at),
    revoked_at: cells.revoked_at === null ? null : String(cells.revoked_at),
  };
}

/** A key by its hash, revoked or not. */
export async function apiKeyByHash(sql: Sql, hash: string): Promise<ApiKey | null> {
  const [cells] = await sql.all('SELECT * FROM "api_keys" WHERE "hash" = ?', [hash]);
  return cells === undefined ? null : apiKeyOf(cells);
}

/** Keys of a user, or of all, in the order of their ids; at most {@link findLimitMax}. */
export async function apiKeysOf(sql: Sql, userId: string | null): Promise<ApiKey[]> {
  const where = userId === null ? '' : 'WHERE "user_id" = ?';
  const text = `SELECT * FROM "api_keys" ${where} ORDER BY "id" LIMIT ?`;
  return (await sql.all(text, userId === null ? [findLimitMax] : [userId, findLimitMax])).map(apiKeyOf);
}
