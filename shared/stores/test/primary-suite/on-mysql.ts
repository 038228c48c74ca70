/** The suites of the primary run on MySQL or MariaDB. */
import { connectMysql, newMysqlDatabase, type RunningEngine, sharedEngine } from '@mindora/testing/engines';
import { mysql } from '../../src/primary/mysql.ts';
import { choose, type Place, type Raw } from './world.ts';

/** Statements of a connection as a shell has it, with the server's own settings. */
export async function connect(url: string): Promise<Raw> {
  const connection = await connectMysql(url);
  return {
    exec: async (sql) => void (await connection.query(sql)),
    all: (sql) => connection.query(sql),
    close: () => connection.close(),
  };
}

/** An empty database with an account of its own, and raw connections with all rights. */
export async function newPlace(engine: RunningEngine): Promise<Place> {
  const { url, adminUrl, remove } = await newMysqlDatabase(engine);
  return { location: { kind: 'mysql', url }, connect: () => connect(adminUrl), remove };
}

/** Chooses a server by its name. */
export function chooseServer(name: 'mariadb' | 'mysql'): void {
  choose({ name, dialect: mysql(), newPlace: async () => newPlace(await sharedEngine(name)), shell: null });
}
