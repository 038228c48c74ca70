/** Attacks on versions whose engines are servers (A3.2, A3.4): who is let in where, and holes that must be seen. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Credentials, credentialsOf, type Target } from '@mindora/cli/isolation/engines/door';
import { doorOf } from '@mindora/cli/isolation/engines/index';
import type { Marker } from '@mindora/cli/isolation/markers';
import type { Party } from '@mindora/cli/isolation/party';
import { markersInServers } from '@mindora/cli/isolation/probes/servers';
import type { Finding } from '@mindora/cli/isolation/run';
import { Secret } from '@mindora/runtime';
import {
  type EngineName,
  planOf,
  provision,
  type RunningEngine,
  sharedEngine,
  startEngine,
} from '@mindora/testing/engines';
import { Redis } from 'ioredis';
import { MongoClient } from 'mongodb';
import { createConnection } from 'mysql2/promise';
import { connect } from 'nats';
import { Client, escapeIdentifier } from 'pg';
import { caughtBy, look } from '../support/isolation.ts';

type Part = keyof Party['addresses'];

/** Which part of a version each engine serves, and whether it says which server it is. */
const engines: readonly [EngineName, Part, boolean][] = [
  ['mariadb', 'primary', true],
  ['postgres', 'relational', true],
  ['redis', 'cache', true],
  ['mongodb', 'documents', true],
  ['elasticsearch', 'fulltext', true],
  ['neo4j', 'graph', true],
  ['weaviate', 'vectors', false],
  ['minio', 'objects', false],
  ['nats', 'bus', true],
  ['rabbitmq', 'bus', false],
];

describe.each(engines)('the door of %s', (name, part, says) => {
  let target: Target;

  beforeAll(async () => {
    const engine = await sharedEngine(name);
    const url = new URL(engine.url);
    // Its administrator's address names no database where it has several.
    if (name === 'mariadb') url.pathname = '/mysql';
    if (name === 'mongodb') url.pathname = '/admin';
    target = { url, namespace: 'jobfirst_future_', redisDatabases: [0, 1, 2] };
  });

  const enter = async (credentials: Credentials | null): Promise<boolean> => {
    const door = await doorOf(part, target.url);
    return (await door?.enter(target, credentials))?.entered ?? false;
  };

  it('opens to its owner, and to nobody else', async () => {
    const own = credentialsOf(target.url);
    expect(await enter(own)).toBe(true);
    // Elasticsearch's distribution of Maven Central has no accounts: it lets in everybody, and that is what is seen.
    const isOpen = name === 'elasticsearch';
    expect(await enter({ user: own?.user ?? 'mindora', password: 'of-another-version' })).toBe(isOpen);
    expect(await enter(null)).toBe(isOpen);
    expect(await enter(own)).toBe(true);
  });

  it('tells which server it is, where the engine does', async () => {
    const door = await doorOf(part, target.url);
    const told = await door?.identity(target);
    expect(typeof told === 'string' && told !== '').toBe(says);
    expect(await door?.identity(target)).toBe(told);
  });
});

const ownEngines = ['mariadb', 'postgres', 'redis', 'mongodb', 'nats'] as const;
type OwnEngine = (typeof ownEngines)[number];
const names = ['future', 'dao'] as const;
type Name = (typeof names)[number];

describe('two versions', () => {
  const started = new Map<string, RunningEngine>();
  const serverOf = (version: Name, engine: OwnEngine): RunningEngine => {
    const found = started.get(`${version} ${engine}`);
    if (found === undefined) throw new Error(`no ${engine} of ${version}`);
    return found;
  };

  /** Many are looking for free ports at once, and one may lose its own to another before it listens. */
  const start = (engine: OwnEngine): Promise<RunningEngine> => startEngine(engine).catch(() => startEngine(engine));

  beforeAll(async () => {
    for (const version of names) {
      const running = await Promise.all(ownEngines.map(async (engine) => [engine, await start(engine)] as const));
      for (const [engine, server] of running) started.set(`${version} ${engine}`, server);
    }
  });

  afterAll(async () => {
    await Promise.all([...started.values()].map((engine) => engine.stop()));
  });

  /** A version with its accounts on servers of its own, or of another one. */
  async function partyOn(name: Name, on: Partial<Record<OwnEngine, Name>> = {}): Promise<Party> {
    const told = await Promise.all(
      ownEngines.map((engine) => provision[engine](serverOf(on[engine] ?? name, engine), planOf(name))),
    );
    const all = Object.entries(Object.assign({}, ...told) as Record<string, string>);
    const parts = all.flatMap(([variable, url]) => {
      const part = /^MINDORA_([A-Z]+)_URL$/.exec(variable)?.[1]?.toLowerCase();
      return part === undefined ? [] : [[part, new Secret(url)] as const];
    });
    const first = planOf(name).cache;
    return {
      name,
      namespace: `jobfirst_${name}_`,
      files: null,
      secretsDirectory: null,
      backups: null,
      logs: [],
      gateway: null,
      secrets: [],
      addresses: Object.fromEntries(parts),
      redisDatabases: [first, first + 1, first + 2],
      ports: [],
      containers: [],
    };
  }

  const probes = ['foreign-accounts', 'foreign-bus-accounts', 'same-server'];
  const partsThrough = (findings: readonly Finding[], probe: string): string[] => {
    const through = findings.filter((one) => one.outcome === 'crossed' && one.probe === probe);
    return [...new Set(through.map(({ victim, tried }) => `${victim} ${tried.split(' ')[0]}`))].sort();
  };

  it('on servers of their own hold every attack', async () => {
    const findings = await look(await Promise.all(names.map((name) => partyOn(name))), probes);
    expect(findings.filter(({ outcome }) => outcome !== 'held')).toEqual([]);
    expect(findings.length).toBeGreaterThan(60);
  });

  it('on one server: seen as such, though accounts keep databases apart', async () => {
    const findings = await look(
      [await partyOn('future'), await partyOn('dao', { postgres: 'future', mariadb: 'future' })],
      probes,
    );
    expect(caughtBy(findings)).toEqual(['same-server']);
  });

  it('a Redis account that may use the databases of another version', async () => {
    const parties = [await partyOn('future'), await partyOn('dao', { redis: 'future' })];
    expect(partsThrough(await look(parties, probes), 'foreign-accounts')).toEqual(['dao cache', 'future cache']);
  });

  it('a PostgreSQL role that may connect to the database of another version', async () => {
    const parties = [await partyOn('future'), await partyOn('dao', { postgres: 'future' })];
    const client = new Client({ connectionString: serverOf('future', 'postgres').url });
    await client.connect();
    const [database, role] = [planOf('future').relational, planOf('dao').relational].map(escapeIdentifier);
    await client.query(`GRANT CONNECT ON DATABASE ${database} TO ${role}`);
    const findings = await look(parties, probes);
    await client.query(`REVOKE CONNECT ON DATABASE ${database} FROM ${role}`);
    await client.end();
    expect(partsThrough(findings, 'foreign-accounts')).toEqual(['future relational']);
  });

  it('a MySQL account with a right on the database of another version', async () => {
    const parties = [await partyOn('future'), await partyOn('dao', { mariadb: 'future' })];
    const connection = await createConnection({ uri: serverOf('future', 'mariadb').url });
    await connection.query("GRANT SELECT ON ??.* TO ?@'%'", [planOf('future').primary, planOf('dao').primary]);
    const findings = await look(parties, probes);
    await connection.query("REVOKE SELECT ON ??.* FROM ?@'%'", [planOf('future').primary, planOf('dao').primary]);
    await connection.end();
    expect(partsThrough(findings, 'foreign-accounts')).toEqual(['future primary']);
  });

  it('the same NATS account and server', async () => {
    const parties = [await partyOn('future'), await partyOn('dao', { nats: 'future' })];
    expect(caughtBy(await look(parties, probes))).toEqual(['foreign-bus-accounts', 'same-server']);
  });

  it('the same password of MongoDB in two versions', async () => {
    const [future, dao] = await Promise.all(names.map((name) => partyOn(name)));
    const url = new URL(dao?.addresses.documents?.reveal() ?? '');
    const theirs = new URL(future?.addresses.documents?.reveal() ?? '');
    const client = new MongoClient(serverOf('dao', 'mongodb').url);
    const [own, same] = [url.password, theirs.password];
    const setPassword = (pwd: string) =>
      client.db(url.pathname.slice(1)).command({ updateUser: decodeURIComponent(url.username), pwd });
    await setPassword(same);
    url.password = same;
    const changed = { ...dao, addresses: { ...dao?.addresses, documents: new Secret(url.toString()) } } as Party;
    const findings = await look([future as Party, changed], ['foreign-accounts']);
    await setPassword(own);
    await client.close();
    expect(partsThrough(findings, 'foreign-accounts')).toEqual(['dao documents', 'future documents']);
  });

  it('a marker that was copied into servers of another version', async () => {
    const [future, dao] = (await Promise.all(names.map((name) => partyOn(name)))) as [Party, Party];
    const word = 'marker0123456789abcdef01234567';
    const marker: Marker = {
      word,
      userId: 'isolation-user',
      sessionId: 'isolation-session',
      conversationId: 'iso-conversation',
      analysisId: 'iso-analysis',
      paths: [],
      seenIn: new Set(),
    };
    const search = async (): Promise<Record<string, string>> => {
      const markers = new Map([['future', marker]]);
      const attempts = await markersInServers.attack({ attacker: future, victim: dao, markers });
      return Object.fromEntries(
        attempts.map(({ tried, outcome, answer }) => [tried.split(': ')[1], `${outcome}: ${answer}`]),
      );
    };
    const written = ['primary', 'relational', 'cache', 'documents', 'bus'];
    const allOf = (outcome: string) =>
      Object.fromEntries(written.map((part) => [part, expect.stringMatching(outcome)]));
    expect(await search()).toMatchObject(allOf('^untried: not found at home either'));
    await spill(future, word);
    expect(await search()).toMatchObject(allOf('^held'));
    await spill(dao, word);
    expect(await search()).toMatchObject(allOf('^crossed'));
  });
});

/** Writes a word into each server of a version, by its own account. */
async function spill({ addresses, namespace }: Party, word: string): Promise<void> {
  const urlOf = (part: Part): string => addresses[part]?.reveal() ?? '';
  const mysql = await createConnection({ uri: urlOf('primary') });
  await mysql.query('CREATE TABLE IF NOT EXISTS spilled (id INT PRIMARY KEY, content TEXT, data JSON)');
  await mysql.query('INSERT INTO spilled VALUES (1, ?, NULL)', [`before ${word} after`]);
  await mysql.end();
  const postgres = new Client({ connectionString: urlOf('relational') });
  await postgres.connect();
  await postgres.query('CREATE TABLE spilled (id INT PRIMARY KEY, content JSONB)');
  await postgres.query('INSERT INTO spilled VALUES (1, $1)', [JSON.stringify({ word })]);
  await postgres.end();
  const redis = new Redis(urlOf('cache'));
  await redis.hset(`${namespace}value:spilled`, { content: `before ${word}` });
  redis.disconnect();
  const mongo = new MongoClient(urlOf('documents'));
  await mongo
    .db()
    .collection<{ _id: string }>('spilled')
    .insertOne({ _id: 'one', content: { word } } as never);
  await mongo.close();
  const { username, password, host } = new URL(urlOf('bus'));
  const nats = await connect({ servers: host, user: username, pass: password });
  const manager = await nats.jetstreamManager();
  await manager.streams.add({ name: `${namespace}changes_0`, subjects: [`${namespace}changes.0`] });
  await nats.jetstream().publish(`${namespace}changes.0`, new TextEncoder().encode(JSON.stringify([{ word }])));
  await nats.close();
}
