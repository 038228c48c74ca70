import { createConnection } from 'mysql2/promise';
import type { EngineDefinition, Run } from '../definition.ts';
import { settingsAsArguments } from './common.ts';

/** Durable to the last commit, with the log that replication reads; triggers may be made without SUPER. */
export const mysqlArguments: readonly string[] = [
  '--log-bin=binlog',
  '--server-id=1',
  '--binlog-format=ROW',
  '--sync-binlog=1',
  '--innodb-flush-log-at-trx-commit=1',
  '--log-bin-trust-function-creators=1',
  '--character-set-server=utf8mb4',
  '--skip-name-resolve',
];

/** Common to MariaDB and MySQL. */
export function mysqlPaths(run: Run): string[] {
  const { directory, port } = run;
  return [
    `--datadir=${directory}/data`,
    `--socket=${directory}/mysql.sock`,
    `--pid-file=${directory}/mysql.pid`,
    `--port=${port}`,
    '--bind-address=127.0.0.1',
  ];
}

/** The version that the server tells, once the password is right. */
export async function askMysql(run: Run): Promise<string> {
  const connection = await createConnection({
    host: '127.0.0.1',
    port: run.port,
    user: 'root',
    password: run.password,
    connectTimeout: 1_000,
  });
  try {
    const [rows] = await connection.query({ sql: 'SELECT VERSION() AS version', timeout: 1_000 });
    return String((rows as { version: string }[])[0]?.version);
  } finally {
    connection.destroy();
  }
}

/** The administrator by TCP only, with its password. */
export function mysqlAccounts({ password }: Run): string {
  return [
    `CREATE USER IF NOT EXISTS 'root'@'127.0.0.1' IDENTIFIED BY '${password}';`,
    `ALTER USER 'root'@'127.0.0.1' IDENTIFIED BY '${password}';`,
    "GRANT ALL PRIVILEGES ON *.* TO 'root'@'127.0.0.1' WITH GRANT OPTION;",
    "DROP USER IF EXISTS 'root'@'::1';",
    `ALTER USER 'root'@'localhost' IDENTIFIED BY '${password}';`,
    '',
  ].join('\n');
}

/** Debian's MariaDB. */
export const mariadb: EngineDefinition = {
  name: 'mariadb',
  installation: { package: 'mariadb-server', binary: '/usr/sbin/mariadbd' },
  startTimeoutMs: 180_000,
  async prepare(run, { execute }) {
    const normal = ['--auth-root-authentication-method=normal', '--skip-test-db', '--skip-name-resolve'];
    await execute({
      file: '/usr/bin/mariadb-install-db',
      args: ['--no-defaults', `--datadir=${run.directory}/data`, ...normal],
    });
  },
  configure: (run, { write }) => write('accounts.sql', mysqlAccounts(run)),
  command: (run) => ({
    file: '/usr/sbin/mariadbd',
    args: [
      '--no-defaults',
      ...mysqlPaths(run),
      ...mysqlArguments,
      `--init-file=${run.directory}/accounts.sql`,
      ...settingsAsArguments(run.settings, (name, value) => [`--${name}=${value}`]),
    ],
  }),
  url: (run) => `mysql://root:${run.password}@127.0.0.1:${run.port}`,
  ask: async (run) => `MariaDB ${(await askMysql(run)).split('-')[0]}`,
};
