/** Names of the migrations, to be compared with what has run; TypeORM is not loaded for that. */
import type { Dialect } from '../dialect.ts';
import { migrations as mysql } from './mysql/index.ts';
import { migrations as sqlite } from './sqlite/index.ts';

/** The names, oldest first. */
export function migrationNames(dialect: Dialect): string[] {
  return (dialect.isServer ? mysql : sqlite).map((migration) => migration.name);
}
