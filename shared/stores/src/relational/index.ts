export type * from './port.ts';
export { type RelationalOptions, SqliteRelational } from './sqlite.ts';
