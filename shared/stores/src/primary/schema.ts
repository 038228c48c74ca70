/** The tables as TypeORM knows them: for the schema builder and migrations. Loaded only where one of these runs. */
import type { ColumnDefinition } from '@mindora/contracts';
import { DataSource, EntitySchema, type EntitySchemaColumnOptions } from 'typeorm';
import type { Dialect } from './dialect.ts';
import { migrations } from './migrations/sqlite/index.ts';
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
    checks: checksOf(table, dialect),
    withoutRowid: table.clustered === true,
  };
  return new EntitySchema(options as ConstructorParameters<typeof EntitySchema>[0]);
}

function indexOf(table: TableDefinition, list: readonly string[], dialect: Dialect) {
  const [first = ''] = list;
  const where = table.columns[first]?.nullable === true ? dialect.notNullIndex(first) : null;
  return { name: `ix_${table.name}_${list.join('_')}`, columns: [...list], ...(where === null ? {} : { where }) };
}

/** Opens the primary's file for the schema builder and migrations. The caller destroys it. */
export async function openSchema(file: string, dialect: Dialect): Promise<DataSource> {
  const source = new DataSource({
    type: 'better-sqlite3',
    database: file,
    entities: tables.map((table) => schemaOf(table, dialect)),
    migrations,
    migrationsTableName: '_migrations',
    migrationsTransactionMode: 'all',
    enableWAL: true,
    timeout: 5000,
    logging: false,
    // A rebuilt table is renamed into place; without this the rename fails while triggers name the dropped one.
    prepareDatabase: (database: { pragma(text: string): unknown }) => {
      database.pragma('legacy_alter_table = ON');
    },
  });
  return source.initialize();
}

/** What the schema builder would still change: nothing, once all migrations have run. */
export async function schemaDifferences(source: DataSource): Promise<{ up: string[]; down: string[] }> {
  const log = await source.driver.createSchemaBuilder().log();
  return { up: log.upQueries.map(({ query }) => query), down: log.downQueries.map(({ query }) => query).reverse() };
}
