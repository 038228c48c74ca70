import { createHash } from 'node:crypto';
import type { Role } from '@mindora/contracts';
import type { SpecialStore } from '@mindora/stores';
import { createStore } from '@mindora/stores/create';
import { createConnection } from 'mysql2/promise';
import pg from 'pg';
import { sharedEngine } from '../../src/engines/index.ts';
import type { TargetDriver } from '../../src/target/driver.ts';

type SpecialEngine = 'postgres' | 'mariadb' | 'mysql';

/** Each directory has a database of its own on the one server. */
function databaseOf(directory: string): string {
  return `test_${createHash('sha256').update(directory).digest('hex').slice(0, 16)}`;
}

async function urlOf(engine: SpecialEngine, directory: string): Promise<string> {
  const url = new URL((await sharedEngine(engine)).url);
  url.pathname = `/${databaseOf(directory)}`;
  return url.href;
}

/** A store on MySQL finds its database there; one on PostgreSQL makes it. */
async function provideDatabase(url: string): Promise<void> {
  const server = new URL(url);
  const name = server.pathname.slice(1);
  server.pathname = '';
  const connection = await createConnection(server.href);
  await connection.query(`CREATE DATABASE IF NOT EXISTS ${name}`);
  await connection.end();
}

async function execute(url: string, values: readonly string[]): Promise<void> {
  if (url.startsWith('postgres')) {
    const client = new pg.Client(url);
    await client.connect();
    await client.query('DELETE FROM _applied WHERE entity = $1 AND id = $2', [...values]);
    await client.end();
    return;
  }
  const connection = await createConnection(url);
  await connection.execute('DELETE FROM _applied WHERE entity = ? AND id = ?', [...values]);
  await connection.end();
}

/** Special databases on one engine; `module` is the file that exports the driver. */
export function specialDriver(engine: SpecialEngine, module: URL): TargetDriver {
  return {
    module,
    async open(role: Role, directory) {
      const url = await urlOf(engine, directory);
      if (engine !== 'postgres') await provideDatabase(url);
      return createStore(role, { directory, dimensions: 0, connection: { url, namespace: '' } });
    },
    async sees(target, item) {
      const query = { entity: item.entity, where: {}, limit: 100, after: null };
      const { items } = await (target as SpecialStore).rows(query);
      return items.some(({ id }) => id === item.id);
    },
    async tamper(_role, directory, { entity, id }) {
      await execute(await urlOf(engine, directory), [entity, id]);
    },
  };
}
