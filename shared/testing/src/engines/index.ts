export { provision } from './cli/accounts.ts';
export { planOf } from './cli/plan.ts';
export { startEngine } from './launch.ts';
export { connectMysql, type MysqlDatabase, newMysqlDatabase, type RawMysql } from './mysql-database.ts';
export * from './port.ts';
export { sharedEngine, shareEngines, stopSharedEngines } from './shared.ts';
