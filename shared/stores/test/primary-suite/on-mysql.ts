/** The suites of the primary run on MySQL or MariaDB. */
import { randomBytes } from 'node:crypto';
import { sharedEngine } from '@mindora/testing/engines';
import { createConnection } from 'mysql2/promise';
import { mysql } from '../../src/primary/mysql.ts';
import { choose, type Place, type Raw } from './world.ts';

/** What the service's account needs. DROP is missing: who has it may TRUNCATE. */
const rights = 'SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, REFERENCES, TRIGGER';

/** Statements of a connection as a shell has it, with the server's own settings. */
export async function connect(url: string, database?: string): Promise<Raw> {
  const place = new URL(url);
  const connection = await createConnection({
    host: place.hostname,
    port: Number(place.port),
    user: decodeURIComponent(place.username),
    password: decodeURIComponent(place.password),
    ...(database === undefined ? {} : { database }),
    multipleStatements: true,
    dateStrings: true,
  });
  return {
    exec: async (sql) => void (await connection.query(sql)),
    all: async (sql) => (await connection.query(sql))[0] as Record<string, unknown>[],
    close: () => connection.end(),
  };
}

/** An empty database with an account of its own. */
async function newPlace(url: string): Promise<Place> {
  const name = `mindora_${randomBytes(6).toString('hex')}`;
  const admin = await connect(url);
  await admin.exec(`CREATE DATABASE ${name}; CREATE USER '${name}'@'%' IDENTIFIED BY '${name}';
    GRANT ${rights} ON ${name}.* TO '${name}'@'%'`);
  await admin.close();
  const { host } = new URL(url);
  return {
    location: { kind: 'mysql', url: `mysql://${name}:${name}@${host}/${name}` },
    connect: () => connect(url, name),
    async remove() {
      const again = await connect(url);
      await again.exec(`DROP DATABASE ${name}; DROP USER '${name}'@'%'`);
      await again.close();
    },
  };
}

/** Chooses a server by its name. */
export function chooseServer(name: 'mariadb' | 'mysql'): void {
  const url = async () => (await sharedEngine(name)).url;
  choose({ name, dialect: mysql(), newPlace: async () => newPlace(await url()), shell: null });
}
