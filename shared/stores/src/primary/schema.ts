/** The tables as TypeORM knows them: for the schema builder and migrations. Loaded only where one of these runs. */
import type { ColumnDefinition } from '@mindora/contracts';
import { DataSource, type DataSourceOptions, EntitySchema, type EntitySchemaColumnOptions } from 'typeorm';
import type { Dialect } from './dialect.ts';
import { migrations as mysqlMigrations } from './migrations/mysql/index.ts';
import { migrations } from './migrations/sqlite/index.ts';
import { schemaConnection, withChecks } from './mysql/schema.ts';
import { checksOf, type TableDefinition, tables } from './tables.ts';

function columnOptions(definition: ColumnDefinition, isKey: boolean, dialect: Dialect): EntitySchemaColumnOptions {
  const { defaultExpression, ...shape } = dialect.column(definition, isKey);
  const fallback = defaultExpression === undefined ? definition.default : () => defaultExpression;
  return {
    ...shape,
    nullable: definition.nullable === true,
    ...(isKey ? { primary: true } : {}),
    ...(fallback === undefined ? {} : { default: fallback }),
  };
}

function schemaOf(table: TableDefinition, dialect: Dialect): EntitySchema {
  const columns = Object.entries(table.columns).map(([name, definition]) => [
    name,
    columnOptions(definition, table.primary.includes(name), dialect),
  ]);
  const options = {
    name: table.name,
    tableName: table.name,
    columns: Object.fromEntries(columns) as Record<string, EntitySchemaColumnOptions>,
    uniques: table.uniques.map((list) => ({ name: `uq_${table.name}_${list.join('_')}`, columns: [...list] })),
    indices: table.indexes.map((list) => indexOf(table, list, dialect)),
    // The schema builder knows no checks on servers: see mysql/schema.ts.
    ...(dialect.isServer ? {} : { checks: checksOf(table, dialect) }),
    withoutRowid: table.clustered === true,
  };
  return new EntitySchema(options as ConstructorParameters<typeof EntitySchema>[0]);
}

function indexOf(table: TableDefinition, list: readonly string[], dialect: Dialect) {
  const [first = ''] = list;
  const where = table.columns[first]?.nullable === true ? dialect.notNullIndex(first) : null;
  return { name: `ix_${table.name}_${list.join('_')}`, columns: [...list], ...(where === null ? {} : { where }) };
}

/** Opens the primary for the schema builder and migrations. The caller destroys it. */
export async function openSchema(place: string, dialect: Dialect): Promise<DataSource> {
  const common = {
    entities: tables.map((table) => schemaOf(table, dialect)),
    migrationsTableName: '_migrations',
    logging: false,
  };
  const source = dialect.isServer ? await serverSource(place, common) : fileSource(place, common);
  return source.initialize();
}

type Common = Pick<DataSourceOptions, 'entities' | 'migrationsTableName' | 'logging'>;

/** Statements that change tables commit on a server: a migration there can be run again where it was cut off. */
async function serverSource(place: string, common: Common): Promise<DataSource> {
  const connection = await schemaConnection(place);
  return new DataSource({ ...common, ...connection, migrations: mysqlMigrations, migrationsTransactionMode: 'none' });
}

function fileSource(file: string, common: Common): DataSource {
  return new DataSource({
    ...common,
    type: 'better-sqlite3',
    database: file,
    migrations,
    migrationsTransactionMode: 'all',
    enableWAL: true,
    timeout: 5000,
    // A rebuilt table is renamed into place; without this the rename fails while triggers name the dropped one.
    prepareDatabase: (database: { pragma(text: string): unknown }) => {
      database.pragma('legacy_alter_table = ON');
    },
  });
}

/** What the schema builder would still change: nothing, once all migrations have run. */
export async function schemaDifferences(
  source: DataSource,
  dialect: Dialect,
): Promise<{ up: string[]; down: string[] }> {
  const log = await source.driver.createSchemaBuilder().log();
  const up = log.upQueries.map(({ query }) => query);
  const down = log.downQueries.map(({ query }) => query).reverse();
  return dialect.isServer ? withChecks(source, dialect, { up, down }) : { up, down };
}
