/** A version whose primary is on a server, without its other engines: what backups and restores need of it. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { copyPrimary } from '@mindora/cli/backup/copy';
import type { BackupSource } from '@mindora/cli/backup/create';
import { inspectSqlite } from '@mindora/cli/backup/sqlite';
import { filesOf } from '@mindora/cli/compose/files';
import { openPrimary, type Primary } from '@mindora/stores';
import { connectMysql, type MysqlDatabase, newMysqlDatabase, type RunningEngine } from '@mindora/testing/engines';
import { type TemporaryDirectory, temporaryDirectory } from '@mindora/testing/plain';

export interface ServerScene {
  readonly database: MysqlDatabase;
  readonly source: BackupSource;
  /** Another place in the temporary directory. */
  file(name: string): string;
  /** A statement with all rights, as in a shell. */
  shell(text: string): Promise<Record<string, unknown>[]>;
  /** What a server says of the content of all tables. */
  checksums(): Promise<Record<string, unknown>>;
  /** The root of the ledger as it is now. */
  root(): Promise<string>;
  /** Opens the primary, with its tables made, for the time of a task. */
  withPrimary<T>(task: (primary: Primary) => Promise<T>): Promise<T>;
  remove(): Promise<void>;
}

/** An empty database, and a directory with the keys of a version. */
export async function newServerScene(server: RunningEngine): Promise<ServerScene> {
  const [database, directory] = await Promise.all([newMysqlDatabase(server), temporaryDirectory()]);
  const source = sourceAt(directory, database.url);
  const shell = async (text: string): Promise<Record<string, unknown>[]> => {
    const connection = await connectMysql(database.adminUrl);
    try {
      return await connection.query(text);
    } finally {
      await connection.close();
    }
  };
  let copies = 0;
  return {
    database,
    source,
    shell,
    file: (name) => directory.file(name),
    checksums: () => checksumsOf(shell),
    async root() {
      const file = directory.file(`root-${++copies}.sqlite`);
      await copyPrimary(source.primary, file);
      return inspectSqlite(file).root;
    },
    async withPrimary(task) {
      const primary = await openPrimary({ kind: 'mysql', url: database.url });
      try {
        await primary.migrate();
        return await task(primary);
      } finally {
        await primary.close();
      }
    },
    async remove() {
      await Promise.all([database.remove(), directory.remove()]);
    },
  };
}

function sourceAt(directory: TemporaryDirectory, url: string): BackupSource {
  const files = filesOf(directory.file('future'));
  mkdirSync(files.directory, { recursive: true });
  const master = Buffer.alloc(32, 1).toString('base64');
  writeFileSync(files.secrets, JSON.stringify({ jwt: 'j'.repeat(43), master }), { mode: 0o600 });
  writeFileSync(files.adminKey, 'the first key\n', { mode: 0o600 });
  return {
    version: 'future',
    files,
    primary: { kind: 'mysql', url },
    bus: { kind: 'embedded', file: files.bus },
    manifest: '{}\n',
    backups: directory.file('backups'),
  };
}

/** Marks of restores are no part of the content. */
async function checksumsOf(shell: ServerScene['shell']): Promise<Record<string, unknown>> {
  const tables = await shell(
    `SELECT TABLE_NAME AS name FROM information_schema.TABLES
     WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME NOT IN ('_lease', '_meta') ORDER BY 1`,
  );
  const rows = await shell(`CHECKSUM TABLE ${tables.map(({ name }) => `\`${String(name)}\``).join(', ')}`);
  const meta = await shell("SELECT name, value FROM _meta WHERE name <> 'restored' ORDER BY name");
  return { meta, ...Object.fromEntries(rows.map((row) => [String(row.Table).split('.')[1], row.Checksum])) };
}

/** Writes one conversation as the service does. */
export async function converse(primary: Primary, id: string, text = `question ${id}`): Promise<string> {
  const row = { id, user_id: 'u', session_id: 's', user_input: text, ai_response: `answer ${id}`, model_name: 'm' };
  await primary.records.write([{ op: 'insert', entity: 'conversation', row }]);
  return id;
}
