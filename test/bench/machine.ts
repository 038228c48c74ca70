import { cpus, loadavg, totalmem, type } from 'node:os';
import Database from 'better-sqlite3';

/** Where figures were measured, without which they say nothing. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memory_gb: number;
  readonly system: string;
  readonly node: string;
  readonly sqlite: string;
}

export function describeMachine(): Machine {
  const [first] = cpus();
  const database = new Database(':memory:');
  const sqlite = String(database.prepare('SELECT sqlite_version()').pluck().get());
  database.close();
  return {
    cpu: first?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memory_gb: Math.round(totalmem() / 1024 ** 3),
    system: `${type()} ${process.arch}`,
    node: process.version,
    sqlite,
  };
}

/** Processes that wanted to run in the last minute: what else the machine was doing. */
export function currentLoad(): string {
  return (loadavg()[0] ?? 0).toFixed(1);
}
