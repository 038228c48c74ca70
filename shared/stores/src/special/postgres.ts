/** A special database on PostgreSQL. */
import { documentOf, type EntityName, entitiesOf, type ScheduledRole } from '@mindora/contracts';
import type { Clock } from '@mindora/runtime';
import type { StoreConnection } from '../connection.ts';
import { assertLimit } from '../embedded/checks.ts';
import { decodeCursor, encodeCursor } from '../embedded/cursor.ts';
import { isHoldable, PostgresTarget, quoted, refusedContents, Table } from '../postgres/index.ts';
import type { Page } from '../relational/port.ts';
import { assertRowsQuery, type RowsQuery, type SpecialStore } from './port.ts';

/** Makes the store; nothing is asked of the server before the first call. */
export function openPostgresSpecial(
  role: ScheduledRole,
  connection: StoreConnection,
  options: { readonly clock: Pick<Clock, 'now'> },
): PostgresSpecial {
  return new PostgresSpecial(role, connection, options);
}

export class PostgresSpecial extends PostgresTarget implements SpecialStore {
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
      const values = [...Object.values(where), String(place)];
      if (!values.every(isHoldable)) return { items: [], next: null };
      const conditions = Object.keys(where).map((field, i) => `t.${quoted(field)} = $${i + 1}`);
      const above = `t.${table.key} > $${values.length}`;
      const sql = `SELECT ${table.selection('t')} FROM ${table.name} t WHERE ${[...conditions, above].join(' AND ')}
        ORDER BY t.${table.key} LIMIT ${limit + 1}`;
      const found = await database.query<object>(sql, values);
      const items = found.slice(0, limit).map((row) => table.found(row).document);
      const { key } = documentOf(this.role, name);
      return { items, next: found.length > limit ? encodeCursor([String(items.at(-1)?.[key])]) : null };
    });
  }
}
