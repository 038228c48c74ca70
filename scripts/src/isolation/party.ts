/** A version as the attack sees it: what it has, and so what another one could get at. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Secret } from '@mindora/runtime';
import { filesOf, readAdminKey, readRunning, type VersionFiles } from '../compose/files.ts';
import type { Config } from '../config.ts';
import type { ServerPart } from '../engines.ts';
import { type HostPort, hostPortsOf, type Manifest } from '../versions/manifest.ts';
import type { ContainerView } from './docker/containers.ts';
import type { FoundInContainer } from './docker/gateway.ts';
import { addressesFromSecrets, secretsIn } from './secrets.ts';

/** A secret by the name of what it opens. */
export interface NamedSecret {
  readonly name: string;
  readonly value: Secret;
}

export interface GatewayAccess {
  readonly url: string;
  readonly adminKey: Secret | null;
  /** Where it is a process of this machine. */
  readonly pid: number | null;
}

export interface Party {
  readonly name: string;
  /** Names begin with this where an engine has no databases of its own. */
  readonly namespace: string;
  /** Where its data directory is, if it has one here. */
  readonly files: VersionFiles | null;
  /** A folder with its containers' secrets; null: none here. */
  readonly secretsDirectory: string | null;
  /** A folder that its backups lie in, where that isn't in its data directory; null: it is. */
  readonly backups: string | null;
  /** Files and folders with its log. */
  readonly logs: readonly string[];
  readonly gateway: GatewayAccess | null;
  readonly secrets: readonly NamedSecret[];
  /** Addresses of its engines, with its credentials. */
  readonly addresses: Readonly<Partial<Record<ServerPart, Secret>>>;
  readonly redisDatabases: readonly number[];
  readonly ports: readonly HostPort[];
  readonly containers: readonly ContainerView[];
}

export interface PartyPlaces {
  /** Of all versions' secrets, as `mindora version secrets` makes them; null: none. */
  readonly secrets: string | null;
  /** Logs: a folder or a file a version in it; null: none. */
  readonly logs: string | null;
}

/** All that is known of a version from its directory, its manifest and its secrets. */
export function partyOf(config: Config, places: PartyPlaces): Party {
  const { manifest } = config;
  const files = existsSync(config.directory) ? filesOf(config.directory) : null;
  const own = places.secrets === null ? null : join(places.secrets, manifest.name);
  const secretsDirectory = own !== null && existsSync(own) ? own : null;
  const fromFiles = config.engines.kind === 'real' ? config.engines.addresses : {};
  const addresses = { ...addressesFromSecrets(secretsDirectory, manifest), ...fromFiles };
  return {
    name: manifest.name,
    namespace: manifest.namespace,
    files,
    secretsDirectory,
    backups: config.backup.directory,
    logs: logsOf(places.logs, manifest),
    gateway: files === null ? null : gatewayOf(files),
    secrets: secretsIn(files, secretsDirectory, addresses),
    addresses,
    redisDatabases: manifest.engines.redis.databases,
    ports: hostPortsOf(manifest),
    containers: [],
  };
}

/** A version with its containers: its gateway is there, unless it runs here. */
export function withContainers(party: Party, containers: readonly ContainerView[], found: FoundInContainer): Party {
  return {
    ...party,
    containers,
    gateway: party.gateway ?? found.gateway,
    secrets: [...party.secrets, ...found.secrets],
  };
}

function logsOf(directory: string | null, { name }: Manifest): string[] {
  if (directory === null) return [];
  return [join(directory, name), join(directory, `${name}.log`)].filter(existsSync);
}

/** A killed process leaves its note behind; whether somebody answers there is seen when it is asked. */
function gatewayOf(files: VersionFiles): GatewayAccess | null {
  const running = readRunning(files);
  return running === null ? null : { ...running, adminKey: readAdminKey(files) };
}

/** Whether a version is here at all: as files, as servers, or as containers. */
export function isThere({ files, addresses, containers }: Party): boolean {
  const hasFiles = files !== null && (existsSync(files.secrets) || existsSync(files.primary));
  return hasFiles || Object.keys(addresses).length > 0 || containers.length > 0;
}
