/** Takes away whatever a version left in real engines, so that the next one finds them as new. */
import { connectMysql, planOf } from '@mindora/testing/engines';
import { Redis } from 'ioredis';
import { MongoClient } from 'mongodb';
import { connect } from 'nats';
import neo4j from 'neo4j-driver';
import { Client, escapeIdentifier } from 'pg';
import { type Servers, serverOf } from './running.ts';

const plan = planOf('future');
const timeoutMs = 30_000;

/** Empties them all. No version may be running on them. */
export async function emptyServers(servers: Servers): Promise<void> {
  const url = (name: Parameters<typeof serverOf>[1]): string => serverOf(servers, name).url;
  await Promise.all([
    emptyMysql(url('mariadb')),
    emptyPostgres(url('postgres')),
    emptyRedis(url('redis')),
    emptyMongo(url('mongodb')),
    emptyElastic(url('elasticsearch')),
    emptyNeo4j(url('neo4j')),
    emptyWeaviate(new URL(url('weaviate'))),
    servers.has('nats') ? emptyNats(new URL(url('nats'))) : emptyRabbit(servers),
  ]);
}

async function emptyMysql(url: string): Promise<void> {
  const shell = await connectMysql(url);
  try {
    for (const name of [plan.primary, plan.governance, plan.credit])
      await shell.query(`DROP DATABASE IF EXISTS ${name}`);
  } finally {
    await shell.close();
  }
}

async function emptyPostgres(url: string): Promise<void> {
  const client = new Client({ connectionString: url, query_timeout: timeoutMs });
  await client.connect();
  try {
    for (const name of [plan.relational, plan.identity]) {
      await client.query(`DROP DATABASE IF EXISTS ${escapeIdentifier(name)} WITH (FORCE)`);
    }
  } finally {
    await client.end();
  }
}

async function emptyRedis(url: string): Promise<void> {
  const client = new Redis(url, { lazyConnect: true, commandTimeout: timeoutMs });
  await client.connect();
  try {
    await client.flushall();
  } finally {
    client.disconnect();
  }
}

async function emptyMongo(url: string): Promise<void> {
  const client = new MongoClient(url, { serverSelectionTimeoutMS: timeoutMs });
  try {
    await client.db(plan.documents).dropDatabase();
  } finally {
    await client.close();
  }
}

async function emptyElastic(url: string): Promise<void> {
  const indices = (await answer(`${url}/_cat/indices?format=json&h=index`)) as { index: string }[];
  for (const { index } of indices) await answer(`${url}/${index}`, { method: 'DELETE' });
}

async function emptyNeo4j(url: string): Promise<void> {
  const { protocol, host, username, password } = new URL(url);
  const driver = neo4j.driver(`${protocol}//${host}`, neo4j.auth.basic(username, decodeURIComponent(password)));
  const session = driver.session();
  try {
    await session.run('MATCH (n) CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 5000 ROWS');
  } finally {
    await session.close();
    await driver.close();
  }
}

async function emptyWeaviate({ origin, password }: URL): Promise<void> {
  const headers = { authorization: `Bearer ${decodeURIComponent(password)}` };
  const { classes } = (await answer(`${origin}/v1/schema`, { headers })) as { classes: { class: string }[] };
  for (const { class: name } of classes) await answer(`${origin}/v1/schema/${name}`, { method: 'DELETE', headers });
}

async function emptyNats({ host, username, password }: URL): Promise<void> {
  const connection = await connect({ servers: host, user: username, pass: decodeURIComponent(password) });
  try {
    const manager = await connection.jetstreamManager();
    for await (const { config } of manager.streams.list()) await manager.streams.delete(config.name);
  } finally {
    await connection.close();
  }
}

async function emptyRabbit(servers: Servers): Promise<void> {
  const address = new URL(serverOf(servers, 'rabbitmq').addresses.management ?? '');
  const headers = { authorization: `Basic ${btoa(`${address.username}:${decodeURIComponent(address.password)}`)}` };
  for (const kind of ['queues', 'exchanges']) {
    const found = (await answer(`${address.origin}/api/${kind}/%2F`, { headers })) as { name: string }[];
    const ours = found.filter(({ name }) => name !== '' && !name.startsWith('amq.'));
    for (const { name } of ours) {
      await answer(`${address.origin}/api/${kind}/%2F/${encodeURIComponent(name)}`, { method: 'DELETE', headers });
    }
  }
}

/** What a server answers over HTTP, parsed. @throws Error for whatever isn't a success */
async function answer(url: string, init: RequestInit = {}): Promise<unknown> {
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(timeoutMs) });
  const text = await response.text();
  if (!response.ok)
    throw new Error(`${init.method ?? 'GET'} ${new URL(url).pathname}: ${response.status} ${text.slice(0, 500)}`);
  return text === '' ? null : JSON.parse(text);
}
