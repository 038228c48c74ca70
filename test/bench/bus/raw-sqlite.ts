import { setImmediate as nextTurn } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { type OpenLane, partitions } from './lane.ts';

/** A table alone: batches appended with an fsync, read one by one, and a cursor for each partition. */
export function rawSqlite(newFile: () => string): OpenLane {
  return async ({ bytes }, arrived) => {
    const file = newFile();
    const [appender, reader] = [opened(file, 'FULL'), opened(file, 'NORMAL')];
    appender.exec(`CREATE TABLE batch (seq INTEGER PRIMARY KEY, partition INTEGER, n INTEGER, content TEXT, UNIQUE (partition, n));
      CREATE TABLE cursor (partition INTEGER PRIMARY KEY, n INTEGER)`);
    const insert = appender.prepare('INSERT INTO batch (partition, n, content) VALUES (?, ?, ?)');
    const next = reader.prepare('SELECT content FROM batch WHERE partition = ? AND n = ?');
    const note = reader.prepare('INSERT OR REPLACE INTO cursor VALUES (?, ?)');
    const text = bytes.toString();
    const taken = new Array<number>(partitions).fill(0);
    let published = 0;
    const append = appender.transaction(() => {
      published++;
      for (let partition = 0; partition < partitions; partition++) insert.run(partition, published, text);
    });
    const follow = async (partition: number): Promise<void> => {
      for (let n = (taken[partition] ?? 0) + 1; n <= published; n++) {
        if (next.get(partition, n) === undefined) throw new Error('a batch is missing');
        arrived();
        taken[partition] = n;
        note.run(partition, n);
        await nextTurn();
      }
    };
    return {
      async publish() {
        append.immediate();
        await Promise.all(taken.map((_, partition) => follow(partition)));
      },
      async close() {
        appender.close();
        reader.close();
      },
    };
  };
}

function opened(file: string, synchronous: string): Database.Database {
  const database = new Database(file);
  for (const pragma of ['page_size = 16384', 'journal_mode = WAL', `synchronous = ${synchronous}`]) {
    database.pragma(pragma);
  }
  return database;
}
