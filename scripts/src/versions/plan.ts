/** A new version: names by the pattern of A3's table, the lowest free ports, Redis databases of its own. */
import type { Manifest } from './manifest.ts';
import { hostPortsOf, parseManifest } from './manifest.ts';
import { accountOf } from './names.ts';

/** Whether a port of this machine can be listened on. */
export type IsFree = (port: number) => Promise<boolean>;

export interface VersionPlan {
  readonly text: string;
  readonly manifest: Manifest;
  /** Ports that the pattern would have taken, had nobody listened there. */
  readonly taken: readonly { readonly path: string; readonly port: number }[];
}

/** The first of each in A3's table. */
const firstPorts = {
  gateway: 8206,
  mysql: 3306,
  postgres: 5432,
  redis: 6379,
  http: 7474,
  bolt: 7687,
  mongodb: 27_017,
  elasticsearch: 9200,
  weaviate: 8082,
  identity: 5435,
  governance: 9506,
  credit: 7534,
} as const;

type PortName = keyof typeof firstPorts;

const paths: Readonly<Record<PortName, string>> = {
  gateway: 'gateway.port',
  mysql: 'engines.mysql.port',
  postgres: 'engines.postgres.port',
  redis: 'engines.redis.port',
  http: 'engines.neo4j.http_port',
  bolt: 'engines.neo4j.bolt_port',
  mongodb: 'engines.mongodb.port',
  elasticsearch: 'engines.elasticsearch.port',
  weaviate: 'engines.weaviate.port',
  identity: 'engines.identity.port',
  governance: 'engines.governance.port',
  credit: 'engines.credit.port',
};

/** Ports that are looked at before giving up. */
const triesMax = 2000;

/**
 * Plans a version beside those that are there.
 *
 * @throws MindoraError `invalid_request` where the name isn't one
 */
export async function planVersion(
  name: string,
  manifests: readonly Manifest[],
  isFree: IsFree,
  title = `AI system, version ${name}`,
): Promise<VersionPlan> {
  const used = new Set(manifests.flatMap((manifest) => hostPortsOf(manifest).map(({ port }) => port)));
  const taken: { path: string; port: number }[] = [];
  const ports: Record<string, number> = {};
  for (const [key, first] of Object.entries(firstPorts) as [PortName, number][]) {
    const port = await lowestFree(first, used, async (candidate) => {
      const free = await isFree(candidate);
      if (!free) taken.push({ path: paths[key], port: candidate });
      return free;
    });
    used.add(port);
    ports[key] = port;
  }
  const text = manifestText(name, title, ports as Record<PortName, number>, nextDatabases(manifests));
  return { text, manifest: parseManifest(text, `${name}.yaml`), taken };
}

async function lowestFree(first: number, used: ReadonlySet<number>, isFree: IsFree): Promise<number> {
  for (let port = first; port < Math.min(first + triesMax, 65_536); port += 1) {
    if (!used.has(port) && (await isFree(port))) return port;
  }
  throw new RangeError(`no free port from ${first}`);
}

/** The three lowest in a row that follow all others: 9, 10, 11 for a fourth version. */
function nextDatabases(manifests: readonly Manifest[]): number[] {
  const next = Math.max(-1, ...manifests.flatMap(({ engines }) => engines.redis.databases)) + 1;
  return [next, next + 1, next + 2];
}

/** The manifest as a person would write it: docs/versions.md explains its lines. */
function manifestText(name: string, title: string, port: Record<PortName, number>, databases: number[]): string {
  const word = accountOf({ name });
  return `# One version: what sets it apart from the others (requirements A3). Versions share nothing; another version is
# another file like this one ("mindora version new NAME" makes it). docs/versions.md explains every line.
name: ${name}
title: ${JSON.stringify(title)}
namespace: jobfirst_${word}_
gateway:
  port: ${port.gateway}
# Databases, and ports of the host (on loopback).
engines:
  mysql: { database: jobfirst_${word}, port: ${port.mysql} }
  postgres: { database: jobfirst_${word}_vector, port: ${port.postgres} }
  redis: { databases: [ ${databases.join(', ')} ], port: ${port.redis} }
  neo4j: { database: jobfirst-${name}, http_port: ${port.http}, bolt_port: ${port.bolt} }
  mongodb: { database: jobfirst_${word}, port: ${port.mongodb} }
  elasticsearch: { indices: jobfirst_${word}_*, port: ${port.elasticsearch} }
  weaviate: { database: jobfirst_${word}, port: ${port.weaviate} }
  sqlite: { directory: /data/sqlite/${name}, database: ${word}_user_data }
  identity: { database: ai_identity_${word}, port: ${port.identity} }
  governance: { database: dao_governance_${word}, port: ${port.governance} }
  credit: { database: enterprise_credit_${word}, port: ${port.credit} }
${commonText}`;
}

const commonText = `# Limits of each container; the engines' own settings are sized by them.
resources:
  mindora: { memory: 1536m, cpus: 2 }
  mysql: { memory: 1g, cpus: 2 }
  postgres: { memory: 1g, cpus: 2 }
  redis: { memory: 512m, cpus: 1 }
  neo4j: { memory: 1g, cpus: 1 }
  mongodb: { memory: 1g, cpus: 1 }
  elasticsearch: { memory: 1g, cpus: 1 }
  weaviate: { memory: 1g, cpus: 1 }
  identity: { memory: 256m, cpus: 1 }
  governance: { memory: 512m, cpus: 1 }
  credit: { memory: 512m, cpus: 1 }
  nats: { memory: 256m, cpus: 1 }
  ports: { memory: 128m, cpus: 0.5 }
# Tiers of freshness (A4): so far behind a store may be before somebody has to look.
sync:
  real_time: { stores: [ cache, relational, personal ], fresh_within_ms: 1000 }
  batch: { stores: [ documents, fulltext ], fresh_within_ms: 10000 }
  asynchronous: { stores: [ graph, vectors ], fresh_within_ms: 300000 }
  special: { stores: [ identity, governance, credit ], every_minutes: 60 }
retention:
  documents_days: 30
  log_files: 3
  log_file_mb: 10
backup:
  every_hours: 24
  keep_daily: 7
  keep_weekly: 4
`;
