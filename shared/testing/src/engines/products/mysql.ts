import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command, EngineDefinition, InstallTools, Run } from '../definition.ts';
import { settingsAsArguments } from './common.ts';
import { askMysql, mysqlAccounts, mysqlArguments, mysqlPaths } from './mariadb.ts';

const needs = 'a Debian system (MySQL comes from its unstable branch)';

const source = [
  'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian sid main',
  '',
].join('\n');

/** Settings under which apt knows this folder only: no package of the system changes, and none counts as there. */
function aptOptions(folder: string): string[] {
  const settings = {
    'Dir::Etc::sourcelist': `${folder}/sources.list`,
    'Dir::Etc::sourceparts': '-',
    'Dir::State': `${folder}/state`,
    'Dir::State::status': `${folder}/status`,
    'Dir::Cache': `${folder}/cache`,
    'APT::Sandbox::User': 'root',
    'APT::Install-Recommends': 'false',
    // Machines with hooks of their own around apt mean the system's packages.
    'APT::Update::Post-Invoke-Success': '',
  };
  return Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
}

/** The server with every library that it needs, unpacked into one folder and never configured. */
async function install(draft: string, tools: InstallTools): Promise<void> {
  const apt = join(draft, 'apt');
  for (const folder of ['state/lists/partial', 'cache/archives/partial']) {
    await mkdir(join(apt, folder), { recursive: true });
  }
  await writeFile(join(apt, 'sources.list'), source);
  await writeFile(join(apt, 'status'), '');
  const quiet = [...aptOptions(apt), '-qq'];
  await tools.run('apt-get', [...quiet, 'update'], needs);
  await tools.run('apt-get', [...quiet, '-y', '--download-only', 'install', 'mysql-server-core'], needs);
  const archives = join(apt, 'cache', 'archives');
  const files = (await readdir(archives)).filter((name) => name.endsWith('.deb'));
  for (const name of files) await tools.run('dpkg-deb', ['-x', join(archives, name), join(draft, 'root')], needs);
  await rm(apt, { recursive: true });
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
  startTimeoutMs: 90_000,
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
