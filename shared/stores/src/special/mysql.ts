/** A special database on MySQL or MariaDB. */
import { documentOf, type EntityName, entitiesOf, type ScheduledRole } from '@mindora/contracts';
import type { Clock } from '@mindora/runtime';
import type { StoreConnection } from '../connection.ts';
import { assertLimit } from '../embedded/checks.ts';
import { decodeCursor, encodeCursor } from '../embedded/cursor.ts';
import { refusedContents } from '../mysql/columns.ts';
import { Table } from '../mysql/table.ts';
import { MysqlTarget } from '../mysql/target.ts';
import { quote } from '../primary/sql.ts';
import type { Page } from '../relational/port.ts';
import { assertRowsQuery, type RowsQuery, type SpecialStore } from './port.ts';

/** Makes the store; nothing is asked of the server before the first call. */
export function openMysqlSpecial(
  role: ScheduledRole,
  connection: StoreConnection,
  options: { readonly clock: Pick<Clock, 'now'> },
): MysqlSpecial {
  return new MysqlSpecial(role, connection, options);
}

export class MysqlSpecial extends MysqlTarget implements SpecialStore {
  readonly #tables: ReadonlyMap<EntityName, Table>;

  constructor(role: ScheduledRole, { url }: StoreConnection, { clock }: { readonly clock: Pick<Clock, 'now'> }) {
    const tables = new Map(entitiesOf(role).map((name) => [name, new Table(documentOf(role, name))]));
    const capabilities = { expires: false, volatile: false, dimensions: 0, refuses: refusedContents };
    super({ url, clock, role, capabilities, tables });
    this.#tables = tables;
  }

  rows(query: RowsQuery): Promise<Page> {
    return this.run(async (database) => {
      const { entity: name, where, limit, after } = query;
      assertLimit(limit);
      assertRowsQuery(this.role, query);
      const table = this.#tables.get(name) as Table;
      const [place = ''] = after === null ? [] : decodeCursor(after, ['string']);
      const conditions = [...Object.keys(where).map((field) => `${quote(field)} = ?`), `${table.key} > ?`];
      const sql = `SELECT ${table.selection} FROM ${table.name} WHERE ${conditions.join(' AND ')}
        ORDER BY ${table.key} LIMIT ?`;
      const values = [...Object.values(where), String(place), limit + 1];
      const found = await database.session((session) => session.all(sql, values));
      const items = found.slice(0, limit).map((cells) => table.found(cells).document);
      const { key } = documentOf(this.role, name);
      return { items, next: found.length > limit ? encodeCursor([String(items.at(-1)?.[key])]) : null };
    });
  }
}
