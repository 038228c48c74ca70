import { createHmac } from 'node:crypto';
import { Redis } from 'ioredis';
import { MongoClient } from 'mongodb';
import { createConnection } from 'mysql2/promise';
import { Client, escapeIdentifier } from 'pg';
import type { EngineName, RunningEngine } from '../port.ts';
import type { VersionPlan } from './plan.ts';

/** Names of variables with the addresses that a version uses. */
export type Addresses = Readonly<Record<string, string>>;

/** An engine by an administrator's address. */
export type Administered = Pick<RunningEngine, 'url' | 'addresses'>;

const timeoutMs = 10_000;

/**
 * Without DROP, which would also allow TRUNCATE: that passes by the ledger's triggers. Migrations need no more than
 * this.
 */
const primaryRights = 'SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, REFERENCES, TRIGGER';

/** The same for the same account at every start, so that nothing has to be noted. */
function passwordOf(engine: Administered, account: string): string {
  const administrator = new URL(engine.url).password;
  return createHmac('sha256', administrator).update(account).digest('hex').slice(0, 32);
}

function addressOf(engine: Administered, account: string, path: string): string {
  const url = new URL(engine.url);
  url.username = account;
  url.password = passwordOf(engine, account);
  url.pathname = path;
  url.search = '';
  return url.toString();
}

async function mysqlDatabase(engine: Administered, database: string, rights: string): Promise<string> {
  const connection = await createConnection({ uri: engine.url, connectTimeout: timeoutMs });
  try {
    // From anywhere: it is bound to loopback, and a container sees its clients at another address.
    const account = { name: database, password: passwordOf(engine, database) };
    await connection.query('CREATE DATABASE IF NOT EXISTS ?? CHARACTER SET utf8mb4', [database]);
    await connection.query("CREATE USER IF NOT EXISTS ?@'%' IDENTIFIED BY ?", [account.name, account.password]);
    // An underscore in the name of a database stands for any character here.
    const pattern = database.replaceAll('_', '\\_');
    await connection.query(`GRANT ${rights} ON ??.* TO ?@'%'`, [pattern, account.name]);
  } finally {
    connection.destroy();
  }
  return addressOf(engine, database, `/${database}`);
}

async function withPostgres(url: string, work: (client: Client) => Promise<void>): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: timeoutMs, query_timeout: timeoutMs });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await work(client);
  } finally {
    await client.end();
  }
}

async function postgresDatabase(engine: Administered, database: string): Promise<string> {
  const name = escapeIdentifier(database);
  await withPostgres(engine.url, async (client) => {
    const { rows } = await client.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [database]);
    // The password is hexadecimal; these statements take no parameters.
    if (rows.length === 0) await client.query(`CREATE ROLE ${name} LOGIN PASSWORD '${passwordOf(engine, database)}'`);
    const { rows: found } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [database]);
    if (found.length === 0) await client.query(`CREATE DATABASE ${name} OWNER ${name}`);
    await client.query(`REVOKE CONNECT ON DATABASE ${name} FROM PUBLIC`);
  });
  const own = new URL(engine.url);
  own.pathname = `/${database}`;
  await withPostgres(own.toString(), async (client) => {
    await client.query('CREATE EXTENSION IF NOT EXISTS vector');
  });
  return addressOf(engine, database, `/${database}`);
}

/** No command that manages the server, but those that read its settings and empty one database. */
const redisRights = ['~*', '&*', '+@all', '-@admin', '-@dangerous', '+info', '+config|get', '+flushdb', '+keys'];

async function redisAccount(engine: Administered, plan: VersionPlan): Promise<string> {
  const client = new Redis(engine.url, { lazyConnect: true, connectTimeout: timeoutMs, commandTimeout: timeoutMs });
  try {
    await client.connect();
    const account = plan.primary;
    const password = `>${passwordOf(engine, account)}`;
    await client.call('ACL', 'SETUSER', account, 'reset', 'on', password, ...redisRights);
    // Else its next restart forgets the account.
    await client.call('ACL', 'SAVE');
    return addressOf(engine, account, `/${plan.cache}`);
  } finally {
    client.disconnect();
  }
}

async function mongoDatabase(engine: Administered, database: string): Promise<string> {
  const client = new MongoClient(engine.url, { serverSelectionTimeoutMS: timeoutMs });
  try {
    const { users } = await client.db(database).command({ usersInfo: database });
    if ((users as unknown[]).length === 0) {
      const roles = ['readWrite', 'dbAdmin'].map((role) => ({ role, db: database }));
      await client.db(database).command({ createUser: database, pwd: passwordOf(engine, database), roles });
    }
  } finally {
    await client.close();
  }
  return `${addressOf(engine, database, `/${database}`)}?authSource=${database}&directConnection=true`;
}

async function mysqlAddresses(engine: Administered, plan: VersionPlan): Promise<Addresses> {
  return {
    MINDORA_PRIMARY_URL: await mysqlDatabase(engine, plan.primary, primaryRights),
    MINDORA_GOVERNANCE_URL: await mysqlDatabase(engine, plan.governance, 'ALL PRIVILEGES'),
    MINDORA_CREDIT_URL: await mysqlDatabase(engine, plan.credit, 'ALL PRIVILEGES'),
  };
}

/**
 * Makes a version's databases and accounts, each with the rights that its part needs, and tells their addresses. Neo4j
 * community, MinIO, Weaviate and the buses have one account here, Elasticsearch's distribution has none.
 */
export const provision: Readonly<Record<EngineName, (engine: Administered, plan: VersionPlan) => Promise<Addresses>>> =
  {
    mariadb: mysqlAddresses,
    mysql: mysqlAddresses,
    postgres: async (engine, plan) => ({
      MINDORA_RELATIONAL_URL: await postgresDatabase(engine, plan.relational),
      MINDORA_IDENTITY_URL: await postgresDatabase(engine, plan.identity),
    }),
    redis: async (engine, plan) => ({ MINDORA_CACHE_URL: await redisAccount(engine, plan) }),
    mongodb: async (engine, plan) => ({ MINDORA_DOCUMENTS_URL: await mongoDatabase(engine, plan.documents) }),
    elasticsearch: async ({ url }) => ({ MINDORA_FULLTEXT_URL: url }),
    neo4j: async ({ url }) => ({ MINDORA_GRAPH_URL: url }),
    weaviate: async ({ url }) => ({ MINDORA_VECTORS_URL: url }),
    minio: async ({ url }) => ({ MINDORA_OBJECTS_URL: url }),
    nats: async ({ url, addresses }) => busAddresses(url, addresses.monitoring),
    rabbitmq: async ({ url, addresses }) => busAddresses(url, addresses.management),
    embeddings: async ({ url }) => ({
      MINDORA_EMBEDDINGS_URL: url,
      MINDORA_EMBEDDINGS_MODEL: 'multilingual-e5-small',
      MINDORA_EMBEDDINGS_DIMENSIONS: '384',
    }),
  };

function busAddresses(url: string, monitoring: string | undefined): Addresses {
  return { MINDORA_BUS_URL: url, ...(monitoring === undefined ? {} : { MINDORA_BUS_MONITORING_URL: monitoring }) };
}
