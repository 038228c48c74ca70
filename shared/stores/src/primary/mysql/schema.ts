/** What the schema builder can't do on a server, or needs to be told. */
import type { DataSource } from 'typeorm';
import type { Dialect } from '../dialect.ts';
import { quote } from '../sql.ts';
import { type Check, checksOf, type TableDefinition, tables } from '../tables.ts';
import { optionsOf, Session } from './session.ts';

/**
 * A connection for TypeORM to the same place. The database's default collation is set first, so that tables get it
 * without naming it: its name differs between MySQL and MariaDB.
 */
export async function schemaConnection(place: string) {
  const session = await Session.open(place, 'READ COMMITTED');
  try {
    const { collation, schemaType } = session.flavour;
    const [row] = await session.all('SELECT @@collation_database AS "collation"', []);
    if (row?.collation !== collation)
      await session.run(`ALTER DATABASE CHARACTER SET utf8mb4 COLLATE ${collation}`, []);
    const { host, port, user, password, database, connectTimeout } = optionsOf(place);
    return {
      type: schemaType,
      ...(host === undefined ? {} : { host }),
      ...(port === undefined ? {} : { port }),
      ...(user === undefined ? {} : { username: user }),
      ...(password === undefined ? {} : { password }),
      ...(database === undefined ? {} : { database }),
      connectTimeout: connectTimeout ?? 0,
      poolSize: 1,
    } as const;
  } finally {
    session.close();
  }
}

/** CHECK constraints that the definitions have and the database doesn't, and the other way round; by their names. */
export async function checkDifferences(
  source: DataSource,
  dialect: Dialect,
): Promise<{ up: string[]; down: string[] }> {
  const rows: { name: string; table: string }[] = await source.query(
    `SELECT CONSTRAINT_NAME AS name, TABLE_NAME AS \`table\` FROM information_schema.TABLE_CONSTRAINTS
     WHERE CONSTRAINT_SCHEMA = DATABASE() AND CONSTRAINT_TYPE = 'CHECK'`,
  );
  const present = new Set(rows.map((row) => row.name));
  const wanted = tables.flatMap((table) => checksOf(table, dialect).map((check) => ({ table, check })));
  const missing = wanted.filter(({ check }) => !present.has(check.name));
  const names = new Set(wanted.map(({ check }) => check.name));
  const left = rows.filter((row) => !names.has(row.name));
  return {
    up: [...left.map((row) => dropped(row.table, row.name)), ...missing.map(({ table, check }) => added(table, check))],
    down: missing.map(({ table, check }) => dropped(table.name, check.name)),
  };
}

/** Migrations are run by TypeORM, whose connection quotes in the way of the house. */
const ticked = (name: string): string => `\`${name}\``;

function added(table: TableDefinition, { name, expression }: Check): string {
  const columns = Object.keys(table.columns);
  const text = columns.reduce((it, column) => it.replaceAll(quote(column), ticked(column)), expression);
  return `ALTER TABLE ${ticked(table.name)} ADD CONSTRAINT ${ticked(name)} CHECK (${text})`;
}

function dropped(table: string, name: string): string {
  return `ALTER TABLE ${ticked(table)} DROP CONSTRAINT ${ticked(name)}`;
}

/** Expressions stand in brackets where a default is set, and without where the server tells it. */
export function bracketed(statement: string): string {
  return statement.replace(/DEFAULT ([a-z_]+\(\d*\))/g, 'DEFAULT ($1)');
}
