/** Which engines serve a version: the embedded ones, or servers by their addresses. */
import { type Role, roles } from '@mindora/contracts';
import { MindoraError, Secret } from '@mindora/runtime';
import type { PrimaryLocation, StoreConnection } from '@mindora/stores';
import type { SyncThreadData } from '@mindora/sync/client';
import { z } from 'zod';

/** Everything that may be on a server; personal files stay files (A2.8). */
const serverParts = ['primary', 'bus', ...roles.filter((role) => role !== 'personal'), 'objects'] as const;
export type ServerPart = Exclude<Role, 'personal'> | 'primary' | 'bus' | 'objects';

/** Schemes that the address of a part may have. */
const schemes: Readonly<Record<ServerPart, readonly string[]>> = {
  primary: ['mysql:'],
  bus: ['nats:', 'tls:', 'amqp:', 'amqps:'],
  relational: ['postgres:', 'postgresql:'],
  cache: ['redis:', 'rediss:'],
  documents: ['mongodb:', 'mongodb+srv:'],
  fulltext: ['http:', 'https:'],
  graph: ['neo4j:', 'neo4j+s:', 'bolt:', 'bolt+s:'],
  vectors: ['http:', 'https:'],
  identity: ['postgres:', 'postgresql:'],
  governance: ['mysql:'],
  credit: ['mysql:'],
  objects: ['http:', 'https:'],
};

/** The variable that holds the address of a part. */
export function addressName(part: ServerPart): string {
  return `MINDORA_${part.toUpperCase()}_URL`;
}

/** Schemas of all address variables. A message never quotes the address: it holds a password. */
export const addressSchemas: Readonly<Record<string, z.ZodOptional<z.ZodType<Secret>>>> = Object.fromEntries(
  serverParts.map((part) => {
    const wanted = schemes[part as ServerPart];
    const isAddress = (text: string): boolean => URL.canParse(text) && wanted.includes(new URL(text).protocol);
    const schema = z
      .string()
      .refine(isAddress, `must be an address that begins with ${wanted.map((scheme) => `${scheme}//`).join(' or ')}`)
      .transform((text) => new Secret(text));
    return [addressName(part as ServerPart), schema.optional()];
  }),
);

export type EnginesKind = 'embedded' | 'real';

/** Addresses by part; none: everything is embedded. */
export interface EnginesConfig {
  readonly kind: EnginesKind;
  readonly addresses: Readonly<Partial<Record<ServerPart, Secret>>>;
  /** Where a NATS server tells of itself over HTTP, or RabbitMQ's management plugin answers. */
  readonly busMonitoring: Secret | null;
  /** Names begin with this where an engine has no databases of its own (A3). */
  readonly namespace: string;
  /** Settings of engines that could lose what was acknowledged are told, but not refused. */
  readonly allowUnsafe: boolean;
}

/** The addresses that the environment names, used or not. */
export function addressesOf(env: Readonly<Record<string, unknown>>): Partial<Record<ServerPart, Secret>> {
  const found: Partial<Record<ServerPart, Secret>> = {};
  for (const part of serverParts as readonly ServerPart[]) {
    const address = env[addressName(part)];
    if (address instanceof Secret) found[part] = address;
  }
  return found;
}

/** @throws MindoraError `invalid_request`, naming all addresses that are missing */
export function assertAddresses({ kind, addresses }: EnginesConfig): void {
  // Nothing uses objects yet without being told where they are.
  const needed = (serverParts as readonly ServerPart[]).filter((part) => part !== 'objects');
  const missing = kind === 'embedded' ? [] : needed.filter((part) => addresses[part] === undefined);
  if (missing.length === 0) return;
  const names = missing.map(addressName).join(', ');
  const advice = '"npm run engines -- up" starts all of them and notes their addresses';
  throw new MindoraError('invalid_request', `real engines need their addresses: ${names} not set; ${advice}`);
}

/** Where the primary is. */
export function primaryLocationOf(engines: EnginesConfig, file: string): PrimaryLocation {
  const { kind, addresses, allowUnsafe } = engines;
  const url = addresses.primary;
  return kind === 'embedded' || url === undefined
    ? { kind: 'sqlite', file }
    : { kind: 'mysql', url: url.reveal(), allowUnsafe };
}

/** Which bus, and where. */
export function busSettingsOf(
  { kind, addresses, busMonitoring, namespace }: EnginesConfig,
  file: string,
): SyncThreadData['bus'] {
  const url = addresses.bus?.reveal();
  if (kind === 'embedded' || url === undefined) return { kind: 'embedded', file };
  const monitoring = busMonitoring?.reveal();
  if (url.startsWith('amqp')) {
    return { kind: 'rabbitmq', url, namespace, ...(monitoring === undefined ? {} : { management: monitoring }) };
  }
  return { kind: 'jetstream', url, namespace, ...(monitoring === undefined ? {} : { monitoring }) };
}

/** How a store is reached; nothing where it is embedded. */
export function connectionOf(
  { kind, addresses, namespace }: EnginesConfig,
  role: Role,
): { connection?: StoreConnection } {
  const url = role === 'personal' || kind === 'embedded' ? undefined : addresses[role];
  return url === undefined ? {} : { connection: { url: url.reveal(), namespace } };
}
