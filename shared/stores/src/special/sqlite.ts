import { documentOf, type EntityName, entitiesOf, type ScheduledRole } from '@mindora/contracts';
import {
  assertLimit,
  type Connection,
  decodeCursor,
  type EmbeddedOptions,
  EmbeddedTarget,
  encodeCursor,
  plainTable,
  refusedContents,
  roleTables,
  Statements,
  Table,
} from '../embedded/index.ts';
import type { Page } from '../relational/port.ts';
import { assertRowsQuery, type RowsQuery, type SpecialStore } from './port.ts';

function tablesOf(connection: Connection, role: ScheduledRole): Map<EntityName, Table> {
  return new Map(entitiesOf(role).map((name) => [name, new Table(connection, documentOf(role, name))]));
}

/** A special database in one SQLite file. */
export class SqliteSpecial extends EmbeddedTarget implements SpecialStore {
  readonly #tables: ReadonlyMap<EntityName, Table>;
  readonly #statements: Statements;

  constructor(role: ScheduledRole, options: EmbeddedOptions) {
    super({
      ...options,
      role,
      capabilities: { expires: false, volatile: false, dimensions: 0, refuses: refusedContents },
      tables: (connection) => {
        const plain = [...tablesOf(connection, role)].map(([name, table]) => [name, plainTable(table)]);
        return roleTables(Object.fromEntries(plain));
      },
    });
    this.#tables = tablesOf(this.connection, role);
    this.#statements = new Statements(this.connection);
  }

  rows(query: RowsQuery): Promise<Page> {
    return this.run(() => {
      const { entity: name, where, limit, after } = query;
      assertLimit(limit);
      assertRowsQuery(this.role, query);
      const table = this.#tables.get(name) as Table;
      const { key } = documentOf(this.role, name);
      const [place = ''] = after === null ? [] : decodeCursor(after, ['string']);
      const conditions = [...Object.keys(where).map((field) => `"${field}" = ?`), `"${key}" > ?`].join(' AND ');
      const sql = `SELECT ${table.columns} FROM ${table.name} WHERE ${conditions} ORDER BY "${key}" LIMIT ?`;
      const found = this.#statements.get(sql).all(...Object.values(where), place, limit + 1);
      const items = found.slice(0, limit).map((cells) => table.found(cells).document);
      return { items, next: found.length > limit ? encodeCursor([String(items.at(-1)?.[key])]) : null };
    });
  }
}
