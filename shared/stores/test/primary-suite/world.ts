import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EntityName, Row } from '@mindora/contracts';
import Database from 'better-sqlite3';
import { openPrimary, type Primary } from '../../src/primary/index.ts';
import type { Mutation } from '../../src/primary/port.ts';

/** A primary in a directory of its own. */
export interface TestPrimary {
  readonly primary: Primary;
  readonly file: string;
  /** A connection that knows nothing of the engine, as another program would have it. */
  readonly raw: Database.Database;
  end(): Promise<void>;
}

/** A file for a primary, in a new directory. */
export function newFile(): { file: string; remove(): void } {
  const directory = mkdtempSync(join(tmpdir(), 'mindora-primary-'));
  return { file: join(directory, 'primary.sqlite'), remove: () => rmSync(directory, { recursive: true, force: true }) };
}

/** A migrated primary. */
export async function startPrimary(): Promise<TestPrimary> {
  const { file, remove } = newFile();
  const primary = await openPrimary({ file });
  await primary.migrate();
  const raw = new Database(file);
  return {
    primary,
    file,
    raw,
    async end() {
      raw.close();
      await primary.close();
      remove();
    },
  };
}

/** A conversation with all that is required. */
export function conversation(id: string, more: Row = {}): Mutation {
  const row = { id, user_id: 'u1', session_id: 's1', user_input: 'hello', ai_response: 'hi', model_name: 'm', ...more };
  return { op: 'insert', entity: 'conversation', row };
}

/** A user with all that is required. */
export function user(id: string, more: Row = {}): Mutation {
  return { op: 'insert', entity: 'user', row: { user_id: id, username: id, email: `${id}@example.com`, ...more } };
}

/** Marks everything as captured. */
export async function clearAll({ primary }: Pick<TestPrimary, 'primary'>): Promise<void> {
  await primary.ledger.clear(await primary.ledger.pending(100_000, Number.MAX_SAFE_INTEGER));
}

/** Versions of an entity's records, and which are pending, as a raw connection sees them. */
export function ledgerOf(
  raw: Database.Database,
  entity: EntityName,
): Map<string, { version: number; pending: boolean }> {
  const lines = raw.prepare('SELECT id, version, pending_since FROM _ledger WHERE entity = ?').all(entity) as {
    id: string;
    version: number;
    pending_since: number | null;
  }[];
  return new Map(lines.map((line) => [line.id, { version: line.version, pending: line.pending_since !== null }]));
}

const shellProgram = 'sqlite3';

/** The system's own shell, where there is one. */
export const hasShell = spawnSync(shellProgram, ['-version']).status === 0;

/** Runs SQL in the system's shell; its output. */
export function shell(file: string, sql: string): string {
  const { status, stdout, stderr } = spawnSync(shellProgram, ['-cmd', '.timeout 5000', file], { input: sql });
  if (status !== 0) throw new Error(String(stderr));
  return String(stdout).trim();
}
