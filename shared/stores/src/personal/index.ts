export type * from './port.ts';
export { type PersonalOptions, SqlitePersonal } from './sqlite.ts';
