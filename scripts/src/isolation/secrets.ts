/** The secrets of a version: those of its gateway, and those of its engines in containers. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { Secret } from '@mindora/runtime';
import { loadSecrets, type VersionFiles } from '../compose/files.ts';
import { addressName, type ServerPart } from '../engines.ts';
import type { Manifest } from '../versions/manifest.ts';
import type { NamedSecret } from './party.ts';

/** Shorter ones would be equal by chance. */
const lengthMin = 8;
const filesMax = 100;

type Addresses = Readonly<Partial<Record<ServerPart, Secret>>>;

/** Every secret of a version that lies in files here, by name. */
export function secretsIn(
  files: VersionFiles | null,
  directory: string | null,
  addresses: Addresses,
): readonly NamedSecret[] {
  const found = [...gatewaySecrets(files), ...containerSecrets(directory), ...passwordsOf(addresses)];
  return found.filter(({ value }) => value.reveal().length >= lengthMin);
}

function gatewaySecrets(files: VersionFiles | null): NamedSecret[] {
  if (files === null) return [];
  const keys = [files.adminKey, files.metricsKey].filter(existsSync).map((file) => {
    return { name: file.slice(files.directory.length + 1), value: new Secret(readFileSync(file, 'utf8').trim()) };
  });
  if (!existsSync(files.secrets)) return keys;
  // They are there, so chance isn't asked.
  const { jwt, master } = loadSecrets(files, {
    bytes: (length) => Buffer.alloc(length),
    id: () => '',
    fraction: () => 0,
  });
  return [...keys, { name: 'what signs tokens', value: jwt }, { name: 'what encrypts provider keys', value: master }];
}

function containerSecrets(directory: string | null): NamedSecret[] {
  if (directory === null) return [];
  // Files that are made of others hold names besides, and aren't compared whole.
  const names = readdirSync(directory).filter((name) => /-(account|root)$/.test(name));
  return names.slice(0, filesMax).map((name) => {
    return { name: `secret ${name}`, value: new Secret(readFileSync(join(directory, name), 'utf8').trim()) };
  });
}

function passwordsOf(addresses: Addresses): NamedSecret[] {
  return Object.entries(addresses).map(([part, address]) => {
    return { name: `password of ${part}`, value: new Secret(decodeURIComponent(new URL(address.reveal()).password)) };
  });
}

/** Which engine of the manifest serves a part, for those that have a port on the host. */
const portOf: Readonly<Partial<Record<ServerPart, (manifest: Manifest) => number>>> = {
  primary: ({ engines }) => engines.mysql.port,
  relational: ({ engines }) => engines.postgres.port,
  cache: ({ engines }) => engines.redis.port,
  documents: ({ engines }) => engines.mongodb.port,
  fulltext: ({ engines }) => engines.elasticsearch.port,
  graph: ({ engines }) => engines.neo4j.bolt_port,
  vectors: ({ engines }) => engines.weaviate.port,
  identity: ({ engines }) => engines.identity.port,
  governance: ({ engines }) => engines.governance.port,
  credit: ({ engines }) => engines.credit.port,
};

/** Addresses of a version's engines in containers, as the host reaches them: by the ports of its manifest. */
export function addressesFromSecrets(directory: string | null, manifest: Manifest): Addresses {
  const file = directory === null ? null : join(directory, 'mindora-engines');
  if (file === null || !existsSync(file)) return {};
  const inside = parseEnv(readFileSync(file, 'utf8'));
  const found: Partial<Record<ServerPart, Secret>> = {};
  for (const [part, port] of Object.entries(portOf) as [ServerPart, (manifest: Manifest) => number][]) {
    const address = inside[addressName(part)];
    if (address !== undefined) found[part] = new Secret(onHost(address, port(manifest)));
  }
  return found;
}

function onHost(address: string, port: number): string {
  const url = new URL(address);
  url.hostname = '127.0.0.1';
  url.port = String(port);
  return url.toString();
}
