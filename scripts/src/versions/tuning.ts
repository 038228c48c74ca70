/**
 * Settings of the engines (A6.2), sized by the memory that the manifest gives to each container. Which of the seed's
 * figures they keep, which they leave out, and why: docs/decisions/020-tuned-engines.md.
 */
import type { Manifest } from './manifest.ts';
import { megabytesOf, type ResourceName } from './resources.ts';

/** Enough for the pools of a version (20 each) and for people; those of special databases are smaller. */
const connectionsMax = { many: 200, few: 60 } as const;
const binaryLogDays = 3;

function memoryOf({ resources }: Manifest, name: ResourceName): number {
  return megabytesOf(resources[name].memory);
}

/** Whether it serves requests, or is filled on a schedule. */
export type Load = keyof typeof connectionsMax;

export function mysqlFlags(manifest: Manifest, name: 'mysql' | 'governance' | 'credit', load: Load): string[] {
  const memory = memoryOf(manifest, name);
  return [
    // Durability: without these an acknowledged write could be lost.
    '--innodb-flush-log-at-trx-commit=1',
    '--sync-binlog=1',
    '--log-bin=binlog',
    '--server-id=1',
    `--binlog-expire-logs-seconds=${binaryLogDays * 86_400}`,
    // The service account makes triggers without being an administrator.
    '--log-bin-trust-function-creators=1',
    '--character-set-server=utf8mb4',
    '--mysqlx=OFF',
    // The root is read-only, and so is the directory where they would be.
    '--socket=/tmp/mysqld.sock',
    '--pid-file=/tmp/mysqld.pid',
    '--skip-name-resolve',
    `--max-connections=${connectionsMax[load]}`,
    '--max-allowed-packet=64M',
    `--innodb-buffer-pool-size=${memory / 4}M`,
    `--innodb-redo-log-capacity=128M`,
    '--innodb-log-buffer-size=16M',
    '--tmp-table-size=32M',
    '--max-heap-table-size=32M',
    '--slow-query-log=ON',
    '--long-query-time=2',
    // Statements hold content: in memory they go with the container, and into no backup.
    '--slow-query-log-file=/tmp/slow.log',
  ];
}

export function postgresFlags(manifest: Manifest, name: 'postgres' | 'identity', load: Load): string[] {
  const memory = memoryOf(manifest, name);
  const settings = {
    fsync: 'on',
    synchronous_commit: 'on',
    full_page_writes: 'on',
    max_connections: connectionsMax[load],
    shared_buffers: `${memory / 4}MB`,
    effective_cache_size: `${memory}MB`,
    work_mem: '4MB',
    maintenance_work_mem: `${memory / 16}MB`,
    max_wal_size: '512MB',
    log_min_duration_statement: '2000',
    // Values of a slow statement are content.
    log_parameter_max_length: '0',
    log_parameter_max_length_on_error: '0',
  };
  return ['postgres', ...Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`])];
}

export function redisFlags(manifest: Manifest): string[] {
  const databases = Math.max(16, ...manifest.engines.redis.databases.map((number) => number + 1));
  const settings = {
    appendonly: 'yes',
    appendfsync: 'everysec',
    save: '900 1 300 10 60 10000',
    // A fork that writes the file anew needs the other half.
    maxmemory: `${memoryOf(manifest, 'redis') / 2}mb`,
    'maxmemory-policy': 'allkeys-lru',
    maxclients: '1000',
    'tcp-keepalive': '300',
    databases: String(databases),
    aclfile: '/run/secrets/accounts',
  };
  return ['redis-server', ...Object.entries(settings).flatMap(([key, value]) => [`--${key}`, value])];
}

export function mongodbFlags(manifest: Manifest): string {
  const cache = memoryOf(manifest, 'mongodb') / 2048;
  return `--wiredTigerCacheSizeGB ${Math.max(0.25, cache)} --maxConns 100 --slowms 100`;
}

export function elasticsearchSettings(manifest: Manifest): Record<string, string> {
  const heap = memoryOf(manifest, 'elasticsearch') / 2;
  return {
    // The collector's own log would take up to 2 GB.
    ES_JAVA_OPTS: `-Xms${heap}m -Xmx${heap}m -Xlog:disable -Xlog:all=warning:stderr:utctime,level,tags`,
    'discovery.type': 'single-node',
    'xpack.security.enabled': 'true',
    'xpack.security.http.ssl.enabled': 'false',
    'xpack.security.enrollment.enabled': 'false',
    'xpack.ml.enabled': 'false',
    // It would be fetched from outside.
    'ingest.geoip.downloader.enabled': 'false',
    'indices.memory.index_buffer_size': '20%',
    'indices.queries.cache.size': '10%',
    'indices.fielddata.cache.size': '20%',
    'logger.level': 'WARN',
  };
}

export function neo4jSettings(manifest: Manifest): Record<string, string> {
  const memory = memoryOf(manifest, 'neo4j');
  return {
    NEO4J_initial_dbms_default__database: manifest.engines.neo4j.database,
    NEO4J_server_memory_heap_initial__size: `${memory / 2}m`,
    NEO4J_server_memory_heap_max__size: `${memory / 2}m`,
    NEO4J_server_memory_pagecache_size: `${memory / 4}m`,
    NEO4J_dbms_usage__report_enabled: 'false',
  };
}

export function weaviateSettings(manifest: Manifest, directory: string): Record<string, string> {
  return {
    AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED: 'false',
    AUTHENTICATION_APIKEY_ENABLED: 'true',
    AUTHENTICATION_APIKEY_USERS: 'mindora',
    DEFAULT_VECTORIZER_MODULE: 'none',
    PERSISTENCE_DATA_PATH: directory,
    CLUSTER_HOSTNAME: 'node1',
    DISABLE_TELEMETRY: 'true',
    GOMEMLIMIT: memoryLimitOfGo(manifest, 'weaviate'),
  };
}

/** Go's collector works harder near this, and the kernel needn't kill. */
export function memoryLimitOfGo(manifest: Manifest, name: 'weaviate' | 'nats'): string {
  return `${Math.floor(memoryOf(manifest, name) * 0.8)}MiB`;
}

/** Parallel work on indexes shares memory there. */
export function sharedMemoryOf(manifest: Manifest, name: 'postgres' | 'identity'): string {
  return `${memoryOf(manifest, name) / 4}m`;
}
