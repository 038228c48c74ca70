/** The suites of the primary run on SQLite. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { sqlite } from '../../src/primary/sqlite.ts';
import { choose, type Place, type Raw } from './world.ts';

const shellProgram = 'sqlite3';
const hasShell = spawnSync(shellProgram, ['-version']).status === 0;

/** The file of a place. */
export function fileOf({ location }: Pick<Place, 'location'>): string {
  if (location.kind === 'mysql') throw new Error('no file');
  return location.file;
}

function connect(file: string): Raw {
  const database = new Database(file);
  return {
    exec: async (sql) => void database.exec(sql),
    all: async (sql) => database.prepare(sql).all() as Record<string, unknown>[],
    close: async () => void database.close(),
  };
}

/** A file in a new directory. */
async function newPlace(): Promise<Place> {
  const directory = mkdtempSync(join(tmpdir(), 'mindora-primary-'));
  const file = join(directory, 'primary.sqlite');
  return {
    location: { kind: 'sqlite', file },
    connect: async () => connect(file),
    remove: async () => rmSync(directory, { recursive: true, force: true }),
  };
}

async function shell(place: Place, sql: string): Promise<void> {
  const args = ['-cmd', '.timeout 5000', fileOf(place)];
  const { status, stderr } = spawnSync(shellProgram, args, { input: sql });
  if (status !== 0) throw new Error(String(stderr));
}

choose({ name: 'SQLite', dialect: sqlite, newPlace, shell: hasShell ? shell : null });
