import { join } from 'node:path';
import { auth, driver } from 'neo4j-driver';
import type { EngineDefinition, Run } from '../definition.ts';
import { mavenInstall } from './maven.ts';

const version = '5.26.30';

function configuration({ port, ports, settings }: Run): string {
  return [
    'server.default_listen_address=127.0.0.1',
    `server.bolt.listen_address=127.0.0.1:${port}`,
    `server.bolt.advertised_address=127.0.0.1:${port}`,
    `server.http.listen_address=127.0.0.1:${ports.http}`,
    'server.https.enabled=false',
    'dbms.security.auth_enabled=true',
    'dbms.usage_report.enabled=false',
    'server.memory.pagecache.size=64m',
    'server.directories.data=data',
    'db.tx_log.preallocate=false',
    'db.tx_log.rotation.size=16m',
    ...Object.entries(settings).map(([name, value]) => `${name}=${value}`),
    '',
  ].join('\n');
}

const classPath = (run: Run): string[] => ['-cp', `${run.files}/lib/*`];

const opens = ['java.nio', 'java.io', 'sun.nio.ch', 'java.lang'].map(
  (name) => `--add-opens=java.base/${name}=ALL-UNNAMED`,
);

/** Neo4j's community edition: one database. */
export const neo4j: EngineDefinition = {
  name: 'neo4j',
  installation: {
    version,
    install: (draft, tools) =>
      mavenInstall(
        draft,
        join(draft, 'lib'),
        [
          { group: 'org.neo4j.app', name: 'neo4j-server', version },
          { group: 'org.neo4j', name: 'neo4j', version },
        ],
        tools,
      ),
  },
  ports: ['http'],
  startTimeoutMs: 240_000,
  async prepare(run, { execute, folder, write }) {
    await folder('conf');
    await write('conf/neo4j.conf', configuration(run));
    await execute({
      file: 'java',
      args: [...classPath(run), 'org.neo4j.cli.AdminTool', 'dbms', 'set-initial-password', run.password],
      env: { NEO4J_HOME: run.directory, NEO4J_CONF: `${run.directory}/conf` },
    });
  },
  configure: (run, { write }) => write('conf/neo4j.conf', configuration(run)),
  command: (run) => ({
    file: 'java',
    args: [
      ...['-Xms256m', '-Xmx512m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'],
      ...opens,
      '-Dlog4j2.disable.jmx=true',
      ...[...classPath(run), 'org.neo4j.server.CommunityEntryPoint'],
      ...[`--home-dir=${run.directory}`, `--config-dir=${run.directory}/conf`],
    ],
  }),
  url: (run) => `neo4j://neo4j:${run.password}@127.0.0.1:${run.port}`,
  addresses: (run) => ({ http: `http://neo4j:${run.password}@127.0.0.1:${run.ports.http}` }),
  async ask(run) {
    const client = driver(`bolt://127.0.0.1:${run.port}`, auth.basic('neo4j', run.password), {
      connectionTimeout: 1_000,
      connectionAcquisitionTimeout: 2_000,
      maxTransactionRetryTime: 0,
    });
    try {
      const { agent } = await client.getServerInfo({ database: 'neo4j' });
      return `Neo4j ${agent?.replace('Neo4j/', '')} community`;
    } finally {
      await client.close();
    }
  },
};
