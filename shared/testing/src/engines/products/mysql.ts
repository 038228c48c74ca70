import { unpackDebian } from '../debian.ts';
import type { Command, EngineDefinition, InstallTools, Run } from '../definition.ts';
import { settingsAsArguments } from './common.ts';
import { askMysql, mysqlAccounts, mysqlArguments, mysqlPaths } from './mariadb.ts';

const needs = 'a Debian system (MySQL comes from its unstable branch)';

/** The server with every library that it needs. */
function install(draft: string, tools: InstallTools): Promise<void> {
  return unpackDebian(draft, tools, { name: 'mysql-server-core', alone: false }, needs);
}

/** Its own loader, for its libraries are newer than the system's. */
function command(run: Run, args: readonly string[]): Command {
  const root = `${run.files}/root`;
  const triple = process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu';
  const loader = process.arch === 'arm64' ? 'ld-linux-aarch64.so.1' : 'ld-linux-x86-64.so.2';
  const libraries = [`${root}/usr/lib/${triple}`, `${root}/usr/lib/mysql/private`].join(':');
  return {
    file: `${root}/usr/lib/${triple}/${loader}`,
    args: ['--library-path', libraries, `${root}/usr/sbin/mysqld`, '--no-defaults', `--basedir=${root}/usr`, ...args],
  };
}

/** The current MySQL; Debian's unstable branch drifts, so the version is whatever it holds on the day. */
export const mysql: EngineDefinition = {
  name: 'mysql',
  installation: { version: 'sid', install },
  startTimeoutMs: 180_000,
  prepare: (run, { execute }) =>
    execute(command(run, ['--initialize-insecure', '--secure-file-priv=NULL', `--datadir=${run.directory}/data`])),
  configure: (run, { write }) => write('accounts.sql', mysqlAccounts(run)),
  command: (run) =>
    command(run, [
      ...mysqlPaths(run),
      ...mysqlArguments,
      ...['--secure-file-priv=NULL', '--mysqlx=OFF', `--init-file=${run.directory}/accounts.sql`],
      ...settingsAsArguments(run.settings, (name, value) => [`--${name}=${value}`]),
    ]),
  url: (run) => `mysql://root:${run.password}@127.0.0.1:${run.port}`,
  ask: async (run) => `MySQL ${(await askMysql(run)).split('-')[0]}`,
};
