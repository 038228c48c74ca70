/** Looks into each store by its product's own client, with the account that a version has itself. */
import { Redis } from 'ioredis';
import { MongoClient } from 'mongodb';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { auth, driver } from 'neo4j-driver';
import { Client } from 'pg';
import type { Part } from './gateway.ts';

const connectMs = 5000;

/** Whether a store has the conversation with this id. @throws what the product says where it refuses the account */
export type Holds = (address: URL, id: string) => Promise<boolean>;

const mysql =
  (query: string): Holds =>
  async (address, id) => {
    const connection = await createConnection({ uri: address.href, connectTimeout: connectMs });
    try {
      const [rows] = await connection.query<RowDataPacket[]>({ sql: query, timeout: connectMs }, [id]);
      return rows.length > 0;
    } finally {
      connection.destroy();
    }
  };

const postgres =
  (query: string): Holds =>
  async (address, id) => {
    const client = new Client({
      connectionString: address.href,
      connectionTimeoutMillis: connectMs,
      query_timeout: connectMs,
    });
    client.on('error', () => undefined);
    try {
      await client.connect();
      const { rowCount } = await client.query(query, [id]);
      return (rowCount ?? 0) > 0;
    } finally {
      await client.end();
    }
  };

const redis: Holds = async (address, id) => {
  const client = new Redis(address.href, { lazyConnect: true, retryStrategy: () => null, connectTimeout: connectMs });
  let reason: Error | undefined;
  client.on('error', (error: Error) => {
    reason ??= error;
  });
  try {
    await client.connect().catch((error: Error) => Promise.reject(reason ?? error));
    const [, keys] = await client.scan('0', 'MATCH', `*${id}*`, 'COUNT', 10_000);
    return keys.length > 0;
  } finally {
    client.disconnect();
  }
};

const mongodb: Holds = async (address, id) => {
  const client = new MongoClient(address.href, { serverSelectionTimeoutMS: connectMs, socketTimeoutMS: connectMs });
  try {
    const database = client.db(address.pathname.slice(1));
    for (const { name } of await database.listCollections().toArray()) {
      if (name.endsWith('ai_conversations')) {
        const collection = database.collection<{ _id: string }>(name);
        if ((await collection.findOne({ _id: id })) !== null) return true;
      }
    }
    return false;
  } finally {
    await client.close();
  }
};

/** JSON of an engine that speaks HTTP. @throws Error with the status where that isn't 2xx */
async function fetchJson(address: URL, path: string, body?: unknown): Promise<unknown> {
  const basic = Buffer.from(`${address.username}:${address.password}`).toString('base64');
  const authorization = address.username === '' ? `Bearer ${address.password}` : `Basic ${basic}`;
  const response = await fetch(`http://${address.host}${path}`, {
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    headers: { authorization, 'content-type': 'application/json' },
    signal: AbortSignal.timeout(connectMs),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  return JSON.parse(text);
}

const elasticsearch: Holds = async (address, id) => {
  const found = await fetchJson(address, '/_all/_search', { query: { ids: { values: [id] } } });
  return (found as { hits: { hits: unknown[] } }).hits.hits.length > 0;
};

const weaviate: Holds = async (address, id) => {
  const { classes } = (await fetchJson(address, '/v1/schema')) as { classes: { class: string }[] };
  for (const { class: name } of classes) {
    const { objects = [] } = (await fetchJson(address, `/v1/objects?class=${name}&limit=1000`)) as {
      objects?: unknown[];
    };
    if (JSON.stringify(objects).includes(id)) return true;
  }
  return false;
};

const neo4j: Holds = async (address, id) => {
  const client = driver(`bolt://${address.host}`, auth.basic(address.username, address.password), {
    connectionTimeout: connectMs,
    maxTransactionRetryTime: 0,
  });
  try {
    const query = 'MATCH (n) WHERE any(key IN keys(n) WHERE n[key] = $id) RETURN count(n) AS found';
    const { records } = await client.executeQuery(query, { id }, { database: address.pathname.slice(1) });
    return Number(records[0]?.get('found')) > 0;
  } finally {
    await client.close();
  }
};

const byId = 'SELECT 1 FROM ai_conversations WHERE id = ';

/** Null: such a record never comes there; the account alone is tried. */
export const holds: Readonly<Record<Part, { readonly look: Holds; readonly hasConversations: boolean }>> = {
  mysql: { look: mysql(`${byId} ?`), hasConversations: true },
  postgres: { look: postgres(`${byId} $1`), hasConversations: true },
  redis: { look: redis, hasConversations: true },
  mongodb: { look: mongodb, hasConversations: true },
  elasticsearch: { look: elasticsearch, hasConversations: true },
  neo4j: { look: neo4j, hasConversations: true },
  weaviate: { look: weaviate, hasConversations: true },
  identity: { look: postgres('SELECT $1::text'), hasConversations: false },
  governance: { look: mysql('SELECT ?'), hasConversations: false },
  credit: { look: mysql('SELECT ?'), hasConversations: false },
};
