/** The engines of a version as containers: what the products need to run closed, small and without root. */
import type { Manifest } from './manifest.ts';
import { accountOf } from './names.ts';
import {
  elasticsearchSettings,
  type Load,
  memoryLimitOfGo,
  mongodbFlags,
  mysqlFlags,
  neo4jSettings,
  postgresFlags,
  redisFlags,
  sharedMemoryOf,
  weaviateSettings,
} from './tuning.ts';

export type Fields = Readonly<Record<string, unknown>>;

export interface EngineContainer {
  /** In compose/engines.yaml, whose image it has. */
  readonly product: string;
  /** Port inside, and the variable and manifest's port of the host that it comes to; none: inside only. */
  readonly ports: readonly { readonly inside: number; readonly variable: string; readonly host: number }[];
  /** Paths of its named volumes, by the end of their names ('' for the first). */
  readonly volumes: Readonly<Record<string, string>>;
  /** Ends of those that are in memory, and so empty at each start. */
  readonly inMemory?: readonly string[];
  /** Secrets of the version that it reads, by their names under /run/secrets. */
  readonly secrets: Readonly<Record<string, string>>;
  /** Files of compose/config that it reads, by their path inside. */
  readonly configs?: Readonly<Record<string, string>>;
  /** What its image and settings ask of Compose. */
  readonly fields: Fields;
  /** A command of a shell that fails while it isn't healthy. */
  readonly health: string;
}

type SqlName = 'mysql' | 'governance' | 'credit';

/** Without DROP, which would also allow TRUNCATE: that passes by the ledger's triggers. */
const primaryRights = 'SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, REFERENCES, TRIGGER';

const temporary = (path: string, megabytes: number): string => `${path}:size=${megabytes}m,mode=1777`;

function mysql(manifest: Manifest, name: SqlName, load: Load): EngineContainer {
  const { database, port } = manifest.engines[name];
  const ping = 'ping --host=127.0.0.1 --protocol=tcp --silent';
  return {
    product: 'mysql',
    ports: [{ inside: 3306, variable: `${name.toUpperCase()}_PORT`, host: port }],
    volumes: { '': '/var/lib/mysql' },
    secrets: { root: `${name}-root`, account: `${name}-account` },
    configs: { 'mysql-init': '/docker-entrypoint-initdb.d/mindora.sh' },
    fields: {
      user: '999:999',
      read_only: true,
      tmpfs: [temporary('/tmp', 256)],
      command: mysqlFlags(manifest, name, load),
      environment: {
        MYSQL_ROOT_PASSWORD_FILE: '/run/secrets/root',
        MYSQL_ROOT_HOST: 'localhost',
        MINDORA_DATABASE: database,
        MINDORA_ACCOUNT: accountOf(manifest),
        MINDORA_RIGHTS: name === 'mysql' ? primaryRights : 'ALL PRIVILEGES',
      },
    },
    // By TCP: the server that only prepares the directory listens on its socket alone.
    health: `MYSQL_PWD="$$(cat /run/secrets/account)" mysqladmin --user=${accountOf(manifest)} ${ping}`,
  };
}

function postgres(manifest: Manifest, name: 'postgres' | 'identity', load: Load): EngineContainer {
  const { database, port } = manifest.engines[name];
  return {
    product: 'postgres',
    ports: [{ inside: 5432, variable: `${name.toUpperCase()}_PORT`, host: port }],
    // A tmpfs would be closed in Podman, which puts one of its own on /run first; a volume takes the image's modes.
    volumes: { '': '/var/lib/postgresql', run: '/run/postgresql' },
    inMemory: ['run'],
    secrets: { root: `${name}-root`, account: `${name}-account` },
    configs: { 'postgres-init': '/docker-entrypoint-initdb.d/mindora.sh' },
    fields: {
      user: '999:999',
      read_only: true,
      tmpfs: [temporary('/tmp', 64)],
      shm_size: sharedMemoryOf(manifest, name),
      command: postgresFlags(manifest, name, load),
      environment: {
        POSTGRES_PASSWORD_FILE: '/run/secrets/root',
        POSTGRES_INITDB_ARGS: '--locale=C.UTF-8 --auth-host=scram-sha-256',
        MINDORA_DATABASE: database,
        MINDORA_ACCOUNT: accountOf(manifest),
      },
    },
    health: 'pg_isready --quiet --host=127.0.0.1 --username=postgres',
  };
}

function redis(manifest: Manifest): EngineContainer {
  const ping = `redis-cli --no-auth-warning --user ${accountOf(manifest)} ping`;
  return {
    product: 'redis',
    ports: [{ inside: 6379, variable: 'REDIS_PORT', host: manifest.engines.redis.port }],
    volumes: { '': '/data' },
    secrets: { accounts: 'redis-accounts', account: 'redis-account' },
    fields: { user: '999:999', read_only: true, tmpfs: [temporary('/tmp', 16)], command: redisFlags(manifest) },
    health: `REDISCLI_AUTH="$$(cat /run/secrets/account)" ${ping} | grep -q PONG`,
  };
}

function mongodb(manifest: Manifest): EngineContainer {
  const { database, port } = manifest.engines.mongodb;
  // Transactions and change streams need a replica set, and with accounts its members a common key, for its owner alone.
  const start = [
    'base64 /run/secrets/root > /tmp/key && chmod 400 /tmp/key &&',
    'exec docker-entrypoint.sh mongod --replSet rs0 --keyFile /tmp/key --bind_ip_all',
    mongodbFlags(manifest),
  ];
  const initiate = 'rs.initiate({ _id: "rs0", members: [{ _id: 0, host: "localhost:27017" }] })';
  const look = `try { rs.status() } catch { ${initiate} } quit(db.hello().isWritablePrimary ? 0 : 1)`;
  return {
    product: 'mongodb',
    ports: [{ inside: 27_017, variable: 'MONGODB_PORT', host: port }],
    volumes: { '': '/data/db', config: '/data/configdb' },
    secrets: { root: 'mongodb-root', account: 'mongodb-account' },
    configs: { 'mongodb-init': '/docker-entrypoint-initdb.d/mindora.js' },
    fields: {
      user: '999:999',
      read_only: true,
      tmpfs: [temporary('/tmp', 64)],
      entrypoint: ['bash', '-c', start.join(' ')],
      environment: {
        // The shell of the health check keeps a history there.
        HOME: '/tmp',
        MONGO_INITDB_ROOT_USERNAME: 'root',
        MONGO_INITDB_ROOT_PASSWORD_FILE: '/run/secrets/root',
        MINDORA_DATABASE: database,
        MINDORA_ACCOUNT: accountOf(manifest),
      },
    },
    health: `mongosh --quiet --username root --password "$$(cat /run/secrets/root)" --eval '${look}'`,
  };
}

function elasticsearch(manifest: Manifest): EngineContainer {
  const start = [
    // What the product writes beside its configuration (a keystore) goes into memory, with a copy of that. A file of a
    // secret may not have the modes that it wants, so the password goes by the environment of this process.
    'rm -rf /tmp/config && cp -r /usr/share/elasticsearch/config /tmp/config && export ES_PATH_CONF=/tmp/config &&',
    'ELASTIC_PASSWORD="$$(cat /run/secrets/account)" exec /usr/local/bin/docker-entrypoint.sh eswrapper',
  ];
  const curl = 'curl --silent --fail --config -';
  const url = 'http://127.0.0.1:9200/_cluster/health?wait_for_status=yellow&timeout=3s';
  return {
    product: 'elasticsearch',
    ports: [{ inside: 9200, variable: 'ELASTICSEARCH_PORT', host: manifest.engines.elasticsearch.port }],
    volumes: { '': '/usr/share/elasticsearch/data' },
    secrets: { account: 'elasticsearch-account' },
    fields: {
      user: '1000:0',
      read_only: true,
      tmpfs: [temporary('/tmp', 128), temporary('/usr/share/elasticsearch/logs', 16)],
      entrypoint: ['/bin/tini', '--', 'bash', '-c', start.join(' ')],
      environment: elasticsearchSettings(manifest),
    },
    health: `printf 'user = "elastic:%s"' "$$(cat /run/secrets/account)" | ${curl} "${url}"`,
  };
}

function neo4j(manifest: Manifest): EngineContainer {
  const { http_port: http, bolt_port: bolt } = manifest.engines.neo4j;
  const start = [
    // The product writes its configuration at every start: into a home in memory that has all else of the image's.
    'home=/tmp/neo4j && rm -rf $$home && mkdir $$home && ln -s /var/lib/neo4j/* $$home && rm $$home/conf &&',
    'cp -r /var/lib/neo4j/conf $$home/conf && export NEO4J_HOME=$$home && cd $$home &&',
    'NEO4J_AUTH="neo4j/$$(cat /run/secrets/account)" exec tini -g -- /startup/docker-entrypoint.sh neo4j',
  ];
  return {
    product: 'neo4j',
    ports: [
      { inside: 7474, variable: 'NEO4J_HTTP_PORT', host: http },
      { inside: 7687, variable: 'NEO4J_BOLT_PORT', host: bolt },
    ],
    volumes: { '': '/data' },
    secrets: { account: 'neo4j-account' },
    fields: {
      user: '7474:7474',
      read_only: true,
      tmpfs: [temporary('/tmp', 64), temporary('/logs', 64)],
      entrypoint: ['bash', '-c', start.join(' ')],
      environment: neo4jSettings(manifest),
    },
    health: 'wget -q -O /dev/null http://127.0.0.1:7474 && bash -c "exec 3<>/dev/tcp/127.0.0.1/7687"',
  };
}

/**
 * Where engines keep their data whose images have no user and no directory for it. A new volume takes owner and mode of
 * the image's directory below it, and this is the one that every image has and anybody may write to.
 */
const anyonesDirectory = '/var/tmp';

function weaviate(manifest: Manifest): EngineContainer {
  const key = 'AUTHENTICATION_APIKEY_ALLOWED_KEYS="$$(cat /run/secrets/account)"';
  return {
    product: 'weaviate',
    // Search goes by gRPC (50051), which only the version's own network reaches.
    ports: [{ inside: 8080, variable: 'WEAVIATE_PORT', host: manifest.engines.weaviate.port }],
    volumes: { '': anyonesDirectory },
    secrets: { account: 'weaviate-account' },
    fields: {
      user: '1000:1000',
      read_only: true,
      tmpfs: [temporary('/tmp', 64)],
      entrypoint: ['sh', '-c', `${key} exec /bin/weaviate --host 0.0.0.0 --port 8080 --scheme http`],
      environment: weaviateSettings(manifest, `${anyonesDirectory}/weaviate`),
    },
    health: 'wget -q -O /dev/null http://127.0.0.1:8080/v1/.well-known/ready',
  };
}

function nats(manifest: Manifest): EngineContainer {
  const password = 'MINDORA_PASSWORD="$$(cat /run/secrets/account)"';
  return {
    product: 'nats',
    ports: [],
    volumes: { '': anyonesDirectory },
    secrets: { account: 'nats-account' },
    configs: { nats: '/etc/mindora/nats.conf' },
    fields: {
      user: '1000:1000',
      read_only: true,
      entrypoint: ['sh', '-c', `${password} exec nats-server --config /etc/mindora/nats.conf`],
      environment: {
        MINDORA_ACCOUNT: accountOf(manifest),
        MINDORA_STORE: `${anyonesDirectory}/nats`,
        GOMEMLIMIT: memoryLimitOfGo(manifest, 'nats'),
      },
    },
    health: 'wget -q -O /dev/null "http://127.0.0.1:8222/healthz?js-enabled-only=true"',
  };
}

/** Every engine of a version, by its name in the manifest. */
export function engineContainersOf(manifest: Manifest) {
  return {
    mysql: mysql(manifest, 'mysql', 'many'),
    postgres: postgres(manifest, 'postgres', 'many'),
    redis: redis(manifest),
    neo4j: neo4j(manifest),
    mongodb: mongodb(manifest),
    elasticsearch: elasticsearch(manifest),
    weaviate: weaviate(manifest),
    identity: postgres(manifest, 'identity', 'few'),
    governance: mysql(manifest, 'governance', 'few'),
    credit: mysql(manifest, 'credit', 'few'),
    nats: nats(manifest),
  } as const satisfies Record<string, EngineContainer>;
}
