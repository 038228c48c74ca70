import type { EngineName } from '../port.ts';

/** What a version calls its parts, by requirements A3. */
export interface VersionPlan {
  readonly version: string;
  readonly primary: string;
  readonly relational: string;
  readonly documents: string;
  readonly identity: string;
  readonly governance: string;
  readonly credit: string;
  /** The first of its three Redis databases. */
  readonly cache: number;
  /** Ports that people expect; others are taken where these aren't free. */
  readonly ports: Readonly<Partial<Record<EngineName, number>>>;
}

const known = ['future', 'dao', 'blockchain'];

const firstPorts = {
  mariadb: 3306,
  mysql: 3306,
  postgres: 5432,
  redis: 6379,
  neo4j: 7687,
  mongodb: 27_017,
  elasticsearch: 9200,
  weaviate: 8082,
} as const;

/** Names and ports of a version; one that isn't among the first three gets free ports. */
export function planOf(version: string): VersionPlan {
  const index = known.indexOf(version);
  const suffix = index === 0 ? '' : `_${version}`;
  const ports = Object.entries(firstPorts).map(([name, port]) => [name, port + index]);
  return {
    version,
    primary: `jobfirst_${version}`,
    relational: `jobfirst_${version}_vector`,
    documents: `jobfirst_${version}`,
    identity: index === 0 ? 'ai_identity_network' : `ai_identity_${version}`,
    governance: `dao_governance${suffix}`,
    credit: `enterprise_credit${suffix}`,
    cache: Math.max(index, 0) * 3,
    ports: index === -1 ? {} : (Object.fromEntries(ports) as VersionPlan['ports']),
  };
}

/** One engine a role; MariaDB serves wherever MySQL is meant. */
export const defaultEngines: readonly EngineName[] = [
  'mariadb',
  'postgres',
  'redis',
  'mongodb',
  'elasticsearch',
  'neo4j',
  'weaviate',
  'minio',
  'nats',
];
