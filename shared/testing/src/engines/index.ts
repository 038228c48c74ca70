export { provision } from './cli/accounts.ts';
export { planOf } from './cli/plan.ts';
export type { InstallTools } from './definition.ts';
export { installed } from './install.ts';
export { startEngine } from './launch.ts';
export { connectMysql, type MysqlDatabase, newMysqlDatabase, type RawMysql } from './mysql-database.ts';
export * from './port.ts';
export { mavenInstall } from './products/maven.ts';
export { sharedEngine, shareEngines, stopSharedEngines } from './shared.ts';
