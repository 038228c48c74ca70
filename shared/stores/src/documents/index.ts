export type * from './port.ts';
export { type DocumentsOptions, SqliteDocuments } from './sqlite.ts';
