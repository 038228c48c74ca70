export { startEngine } from './launch.ts';
export { type MysqlDatabase, newMysqlDatabase } from './mysql-database.ts';
export * from './port.ts';
export { sharedEngine, shareEngines, stopSharedEngines } from './shared.ts';
