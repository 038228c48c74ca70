/** Durable units of work a second, beside a bare driver that does one durable insert each. */
import { Thread } from '@mindora/runtime';
import { type PrimaryLocation, primaryThread } from '@mindora/stores';
import type { PrimaryService } from '@mindora/stores/primary/client';
import { newMysqlDatabase, startEngine } from '@mindora/testing/engines';
import { temporaryDirectory } from '@mindora/testing/plain';
import Database from 'better-sqlite3';
import { createPool } from 'mysql2/promise';
import { type Figures, type Measurement, perSecond, ratio } from '../figures.ts';
import { currentLoad } from '../machine.ts';
import { insertion } from '../records.ts';
import { bareTable, columns, insertText, valuesOf } from './table.ts';

const waitingCounts = [1, 16, 256];
/** Connections of the bare driver at most: as many as a service would open. */
const connectionsMax = 16;
const phaseMs = 1000;
/** Ours and the other in turn, so that whatever else goes on in the machine weighs on both alike. */
const turns = 3;

type Insert = (number: number) => Promise<unknown>;

interface Rival {
  readonly insert: Insert;
  close(): Promise<void>;
}

/** SQLite, and MariaDB with a binary log that is flushed with each commit. */
export async function measureDurable(): Promise<Measurement> {
  const rows = [...(await onSqlite()), ...(await onMariadb())];
  const about = `inserts of conversations through the primary's thread, each its own unit; raw: one durable INSERT each, on as many connections, ${connectionsMax} at most (SQLite: one); load ${currentLoad()}`;
  return { name: 'primary', about, rows };
}

async function onSqlite(): Promise<Figures[]> {
  const directory = await temporaryDirectory();
  try {
    return await measure('SQLite', { file: directory.file('primary.sqlite') }, async () =>
      rawSqlite(directory.file('raw.sqlite')),
    );
  } finally {
    await directory.remove();
  }
}

async function onMariadb(): Promise<Figures[]> {
  const engine = await startEngine('mariadb');
  try {
    const { url, adminUrl } = await newMysqlDatabase(engine);
    return await measure(engine.product, { kind: 'mysql', url }, () => rawMysql(adminUrl));
  } finally {
    await engine.stop();
  }
}

async function measure(name: string, data: PrimaryLocation, openRival: () => Promise<Rival>): Promise<Figures[]> {
  const thread = await Thread.start({ name: 'primary', module: primaryThread, data });
  const primary = thread.proxy<PrimaryService>();
  try {
    await primary.migrate();
    const rival = await openRival();
    try {
      return await compare(name, (number) => primary.write([insertion(number)]), rival.insert);
    } finally {
      await rival.close();
    }
  } finally {
    await thread.stop();
  }
}

async function compare(primary: string, ours: Insert, raw: Insert): Promise<Figures[]> {
  const rows: Figures[] = [];
  for (const waiting of waitingCounts) {
    const counts = { ours: { done: 0, ms: 0 }, raw: { done: 0, ms: 0 } };
    await load(ours, waiting);
    for (let turn = 0; turn < turns; turn++) {
      add(counts.ours, await load(ours, waiting));
      add(counts.raw, await load(raw, waiting));
    }
    const [units, inserts] = [counts.ours, counts.raw].map(({ done, ms }) => perSecond(done, ms));
    const rates = { 'units/s': units ?? 0, 'raw inserts/s': inserts ?? 0 };
    rows.push({ primary, waiting, ...rates, 'ours : raw': ratio(units ?? 0, inserts ?? 0) });
  }
  return rows;
}

function add(sum: { done: number; ms: number }, { done, ms }: { done: number; ms: number }): void {
  sum.done += done;
  sum.ms += ms;
}

let number = 0;

/** So many writers, each beginning its next insert when the last was answered. */
async function load(insert: Insert, waiting: number): Promise<{ done: number; ms: number }> {
  const began = performance.now();
  let done = 0;
  const writer = async (): Promise<void> => {
    for (; performance.now() - began < phaseMs; done++) await insert(number++);
  };
  await Promise.all(Array.from({ length: waiting }, writer));
  return { done, ms: performance.now() - began };
}

function rawSqlite(file: string): Rival {
  const database = new Database(file);
  for (const pragma of ['journal_mode = WAL', 'synchronous = FULL']) database.pragma(pragma);
  database.exec(`CREATE TABLE conversations (${columns.map((name) => `${name} TEXT`).join(', ')})`);
  database.exec('CREATE UNIQUE INDEX by_id ON conversations (id)');
  database.exec('CREATE INDEX by_user ON conversations (user_id)');
  const insert = database.prepare(insertText('conversations', 1));
  return {
    insert: async (number) => insert.run(valuesOf([number])),
    close: async () => {
      database.close();
    },
  };
}

async function rawMysql(uri: string): Promise<Rival> {
  const pool = createPool({ uri, connectionLimit: connectionsMax });
  await bareTable((sql) => pool.query(sql));
  const text = insertText('bare', 1);
  return { insert: (number) => pool.execute(text, valuesOf([number])), close: () => pool.end() };
}
