/** Hands in the servers that a data directory names. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { Redis } from 'ioredis';
import { MongoClient } from 'mongodb';
import neo4j, { type Driver } from 'neo4j-driver';
import { cacheDamages } from './cache-server.ts';
import { type Documents, documentDamages } from './documents-server.ts';
import { Files } from './files.ts';
import { fulltextDamages } from './fulltext-server.ts';
import { graphDamages } from './graph-server.ts';
import { personalDamages } from './personal.ts';
import type { Damage, Hands, Material } from './port.ts';
import { mysqlShell, postgresShell, type ServerShell } from './sql-servers.ts';
import { relationalDamages, tableDamages } from './tables.ts';
import { vectorDamages } from './vectors-server.ts';

/** What names of version future begin with where an engine has no databases. */
const namespace = 'jobfirst_future_';

interface Clients {
  readonly files: Files;
  readonly address: (part: string) => string;
  readonly relational: ServerShell;
  readonly identity: ServerShell;
  readonly governance: ServerShell;
  readonly credit: ServerShell;
  readonly redis: Redis;
  readonly documents: Documents;
  readonly graph: Driver;
}

function allDamages(clients: Clients, material: Material): Damage[] {
  const { files, address, relational, redis, documents, graph } = clients;
  const changeVector = async (id: string): Promise<void> => {
    const [text] = await relational.values('SELECT vector::text FROM ai_conversation_vectors WHERE id = ?', id);
    const [first = 0, ...others] = JSON.parse(String(text)) as number[];
    const changed = JSON.stringify([first + 0.25, ...others]);
    await relational.one('UPDATE ai_conversation_vectors SET vector = ?::vector WHERE id = ?', changed, id);
  };
  return [
    ...tableDamages('relational', relational, material),
    ...relationalDamages(relational, material, changeVector),
    ...cacheDamages(redis, namespace, material),
    ...documentDamages(documents, material),
    ...fulltextDamages(address('FULLTEXT'), namespace, material),
    ...graphDamages(graph, material),
    ...vectorDamages(new URL(address('VECTORS')), namespace, material),
    ...personalDamages(files, material),
    ...tableDamages('identity', clients.identity, material),
    ...tableDamages('governance', clients.governance, material),
    ...tableDamages('credit', clients.credit, material),
  ];
}

/** What MySQL takes and no graph of JSON values holds: its constraint asks for brackets only. */
const unholdable: Hands['unholdable'] = {
  statements: [
    `INSERT INTO ai_conversations (id, user_id, session_id, user_input, ai_response, model_name, context)
     VALUES ('too-deep', 'user-bad', 's', 'q', 'a', 'm', concat('{"deep":', repeat('[', 300), repeat(']', 300), '}'))`,
  ],
  parked: ['too-deep'],
  cure: [`UPDATE ai_conversations SET context = NULL WHERE id = 'too-deep'`],
};

/** Hands in a data directory whose engines are servers. */
export async function serverHands(data: string): Promise<Hands> {
  const env = parseEnv(readFileSync(join(data, 'future/engines.env'), 'utf8'));
  const address = (part: string): string => env[`MINDORA_${part}_URL`] ?? '';
  const mongo = new MongoClient(address('DOCUMENTS'));
  const primary = await mysqlShell(address('PRIMARY'));
  const clients: Clients = {
    files: new Files(data),
    address,
    relational: await postgresShell(address('RELATIONAL')),
    identity: await postgresShell(address('IDENTITY')),
    governance: await mysqlShell(address('GOVERNANCE')),
    credit: await mysqlShell(address('CREDIT')),
    redis: new Redis(address('CACHE'), { commandTimeout: 20_000 }),
    documents: mongo.db().collection('ai_conversations'),
    graph: neo4jDriver(new URL(address('GRAPH'))),
  };
  return {
    files: clients.files,
    primary,
    write: (...statements) => inTransaction(primary, statements),
    unholdable,
    damages: (material) => allDamages(clients, material),
    embeddingLengths: () => clients.relational.values('SELECT DISTINCT dimensions FROM ai_conversation_vectors'),
    documents: () => {
      // The server removes what has expired within a minute; queries go by the time.
      const lasting = [{ _expires_at: { $exists: false } }, { _expires_at: { $gt: new Date() } }];
      return clients.documents.countDocuments({ _deleted_at: { $exists: false }, $or: lasting });
    },
    async close() {
      const { relational, identity, governance, credit } = clients;
      await Promise.all([primary, relational, identity, governance, credit].map((shell) => shell.close()));
      clients.redis.disconnect();
      await mongo.close();
      await clients.graph.close();
    },
  };
}

function neo4jDriver({ protocol, host, username, password }: URL): Driver {
  return neo4j.driver(`${protocol}//${host}`, neo4j.auth.basic(username, decodeURIComponent(password)));
}

async function inTransaction(shell: ServerShell, statements: readonly string[]): Promise<void> {
  await shell.run('BEGIN');
  try {
    for (const statement of statements) await shell.run(statement);
    await shell.run('COMMIT');
  } catch (error) {
    await shell.run('ROLLBACK');
    throw error;
  }
}
