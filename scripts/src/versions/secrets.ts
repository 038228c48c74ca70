/**
 * The passwords of a version's engines in containers: a file each, read by one container each. Made once, since the
 * volumes remember them.
 */

import { createHash } from 'node:crypto';
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Random } from '@mindora/runtime';
import { writePrivately } from '../compose/files.ts';
import type { Manifest } from './manifest.ts';
import { accountOf } from './names.ts';

interface SecretFile {
  readonly name: string;
  /** Under which id the process runs that reads it. */
  readonly readerId: number;
}

const readers = { mysql: 999, postgres: 999, redis: 999, mongodb: 999, elasticsearch: 1000, neo4j: 7474 };
/** Of our image, and of those that have no user. */
const mindoraId = 1000;

/** All secrets of a version; compose.yaml mounts each into the container that its name begins with. */
export const secretFiles: readonly SecretFile[] = [
  { name: 'mysql-root', readerId: readers.mysql },
  { name: 'mysql-account', readerId: readers.mysql },
  { name: 'postgres-root', readerId: readers.postgres },
  { name: 'postgres-account', readerId: readers.postgres },
  { name: 'redis-accounts', readerId: readers.redis },
  { name: 'redis-account', readerId: readers.redis },
  { name: 'mongodb-root', readerId: readers.mongodb },
  { name: 'mongodb-account', readerId: readers.mongodb },
  { name: 'elasticsearch-account', readerId: readers.elasticsearch },
  { name: 'neo4j-account', readerId: readers.neo4j },
  { name: 'weaviate-account', readerId: mindoraId },
  { name: 'nats-account', readerId: mindoraId },
  { name: 'identity-root', readerId: readers.postgres },
  { name: 'identity-account', readerId: readers.postgres },
  { name: 'governance-root', readerId: readers.mysql },
  { name: 'governance-account', readerId: readers.mysql },
  { name: 'credit-root', readerId: readers.mysql },
  { name: 'credit-account', readerId: readers.mysql },
  { name: 'mindora-engines', readerId: mindoraId },
];

const passwordBytes = 24;

/** A letter first: NATS would take a word of digits for a number. */
function newPassword(random: Random): string {
  return `p${random.bytes(passwordBytes).toString('hex')}`;
}

/**
 * Makes the secrets of a version that are missing, and those that follow from others anew.
 *
 * The directory is for its owner alone. A file is 0400 for the user that its container runs as, which only root can
 * give away; for anyone else it is readable inside the closed directory, since the containers run as other users.
 *
 * @returns names of the files that were made
 */
export function provideSecrets(directory: string, manifest: Manifest, random: Random): string[] {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  chmodSync(directory, 0o700);
  const made: string[] = [];
  const passwords = new Map<string, string>();
  for (const { name } of secretFiles) {
    if (derived.has(name)) continue;
    const file = join(directory, name);
    const known = existsSync(file) ? readFileSync(file, 'utf8') : null;
    const password = known ?? newPassword(random);
    passwords.set(name, password);
    if (known === null) {
      writePrivately(file, password);
      made.push(name);
    }
  }
  for (const [name, contentOf] of derived) writePrivately(join(directory, name), contentOf(manifest, passwords));
  for (const { name, readerId } of secretFiles) handOver(join(directory, name), readerId);
  return made;
}

function handOver(file: string, readerId: number): void {
  if (process.getuid?.() === 0) {
    chownSync(file, readerId, readerId);
    chmodSync(file, 0o400);
  } else {
    chmodSync(file, 0o444);
  }
}

type Passwords = ReadonlyMap<string, string>;

/** What is made of passwords. */
const derived: ReadonlyMap<string, (manifest: Manifest, passwords: Passwords) => string> = new Map([
  ['redis-accounts', redisAccounts],
  ['mindora-engines', engineAddresses],
]);

function passwordOf(passwords: Passwords, name: string): string {
  return passwords.get(name) ?? '';
}

/** No command that manages the server, but those that read its settings and empty one database. */
const redisRights = '~* &* +@all -@admin -@dangerous +info +config|get +flushdb +keys +bgsave +bgrewriteaof';

function redisAccounts(manifest: Manifest, passwords: Passwords): string {
  const hash = createHash('sha256').update(passwordOf(passwords, 'redis-account')).digest('hex');
  return `user default off\nuser ${accountOf(manifest)} on #${hash} ${redisRights}\n`;
}

/** Addresses inside the version's own network, in the variables of docs/configuration.md. */
function engineAddresses(manifest: Manifest, passwords: Passwords): string {
  const { name, engines } = manifest;
  const account = accountOf(manifest);
  const at = (service: string, user: string): string => {
    return `${user}:${passwordOf(passwords, `${service}-account`)}@${name}-${service}`;
  };
  const [cacheDatabase] = engines.redis.databases;
  const { mysql, postgres, mongodb, neo4j, identity, governance, credit } = engines;
  const documents = `${mongodb.database}?authSource=${mongodb.database}&directConnection=true`;
  const addresses = {
    MINDORA_PRIMARY_URL: `mysql://${at('mysql', account)}:3306/${mysql.database}`,
    MINDORA_BUS_URL: `nats://${at('nats', account)}:4222`,
    MINDORA_BUS_MONITORING_URL: `http://${name}-nats:8222`,
    MINDORA_RELATIONAL_URL: `postgres://${at('postgres', account)}:5432/${postgres.database}`,
    MINDORA_CACHE_URL: `redis://${at('redis', account)}:6379/${cacheDatabase}`,
    MINDORA_DOCUMENTS_URL: `mongodb://${at('mongodb', account)}:27017/${documents}`,
    MINDORA_FULLTEXT_URL: `http://${at('elasticsearch', 'elastic')}:9200`,
    MINDORA_GRAPH_URL: `bolt://${at('neo4j', 'neo4j')}:7687/${neo4j.database}`,
    MINDORA_VECTORS_URL: `http://${at('weaviate', '')}:8080?grpc=50051`,
    MINDORA_IDENTITY_URL: `postgres://${at('identity', account)}:5432/${identity.database}`,
    MINDORA_GOVERNANCE_URL: `mysql://${at('governance', account)}:3306/${governance.database}`,
    MINDORA_CREDIT_URL: `mysql://${at('credit', account)}:3306/${credit.database}`,
  };
  return Object.entries(addresses)
    .map(([variable, address]) => `${variable}=${address}\n`)
    .join('');
}

/** Leaves nothing of a version's secrets, nor the directory of all where these were the last. */
export function removeSecrets(directory: string): boolean {
  const there = existsSync(directory);
  rmSync(directory, { recursive: true, force: true });
  const all = dirname(directory);
  if (existsSync(all) && readdirSync(all).length === 0) rmdirSync(all);
  return there;
}
