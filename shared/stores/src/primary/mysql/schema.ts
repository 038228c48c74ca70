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

export interface Difference {
  readonly up: string[];
  readonly down: string[];
}

/**
 * Adds to what the schema builder would change the CHECK constraints that the definitions have and the database
 * doesn't, and the other way round; by their names.
 */
export async function withChecks(source: DataSource, dialect: Dialect, tablesOnly: Difference): Promise<Difference> {
  const rows: { name: string; table: string }[] = await source.query(
    `SELECT CONSTRAINT_NAME AS name, TABLE_NAME AS \`table\` FROM information_schema.TABLE_CONSTRAINTS
     WHERE CONSTRAINT_SCHEMA = DATABASE() AND CONSTRAINT_TYPE = 'CHECK'`,
  );
  const present = new Set(rows.map((row) => row.name));
  const wanted = tables.flatMap((table) => checksOf(table, dialect).map((check) => ({ table, check })));
  const names = new Set(wanted.map(({ check }) => check.name));
  const up = [...tablesOnly.up];
  const down = [...tablesOnly.down];
  for (const { name, table } of rows) if (!names.has(name)) up.push(dropped(table, name));
  for (const { table, check } of wanted) {
    if (present.has(check.name) || addToNewTable(up, table, check)) continue;
    up.push(added(table, check));
    down.unshift(dropped(table.name, check.name));
  }
  return { up: up.map(bracketed), down: down.map(bracketed) };
}

const endOfTable = ') ENGINE=InnoDB';

/** A table that is only being made gets its checks with it. */
function addToNewTable(statements: string[], table: TableDefinition, check: Check): boolean {
  const index = statements.findIndex((statement) => statement.startsWith(`CREATE TABLE ${ticked(table.name)} (`));
  const statement = statements[index];
  if (statement === undefined) return false;
  statements[index] = statement.replace(endOfTable, () => `, ${constraint(table, check)}${endOfTable}`);
  return true;
}

/** Migrations are run by TypeORM, whose connection quotes in the way of the house. */
const ticked = (name: string): string => `\`${name}\``;

function constraint(table: TableDefinition, { name, expression }: Check): string {
  const columns = Object.keys(table.columns);
  const text = columns.reduce((it, column) => it.replaceAll(quote(column), ticked(column)), expression);
  return `CONSTRAINT ${ticked(name)} CHECK (${text})`;
}

function added(table: TableDefinition, check: Check): string {
  return `ALTER TABLE ${ticked(table.name)} ADD ${constraint(table, check)}`;
}

function dropped(table: string, name: string): string {
  return `ALTER TABLE ${ticked(table)} DROP CONSTRAINT ${ticked(name)}`;
}

/** Expressions stand in brackets where a default is set, and without where the server tells it. */
function bracketed(statement: string): string {
  return statement.replace(/DEFAULT ([a-z_]+\(\d*\))/g, 'DEFAULT ($1)');
}
