import type { Statement } from 'better-sqlite3';
import type { PartitionLag } from '../port.ts';
import type { Connections } from './schema.ts';

interface CursorKey {
  readonly consumer: string;
  readonly partition: number;
}
interface NextBatch {
  readonly n: number;
  readonly bytes: number;
  readonly delivering: number;
  readonly deliveries: number;
}
interface Deleted {
  readonly bytes: number;
}

/** What the appending connection does. A statement may only run on the connection whose transaction is open. */
export type AppenderStatements = ReturnType<typeof appenderStatements>;

export type CursorStatements = ReturnType<typeof cursorStatements>;

/** Prepares what begins, fills and bounds the log. */
export function appenderStatements({ appender }: Connections) {
  return { ...beginning(appender), ...appending(appender), ...truncating(appender) };
}

/** Prepares what delivers and acknowledges. */
export function cursorStatements({ cursors }: Connections) {
  return { ...delivering(cursors), ...measuring(cursors), ...truncating(cursors) };
}

function beginning(appender: Connections['appender']) {
  const log: Statement<[], { incarnation: string; partitions: number }> = appender.prepare(
    'SELECT incarnation, partitions FROM log',
  );
  return {
    log,
    create: appender.prepare('INSERT INTO log VALUES (1, :incarnation, :partitions, 0, 0)'),
    rename: appender.prepare('UPDATE log SET incarnation = :incarnation'),
    addHead: appender.prepare('INSERT OR IGNORE INTO head VALUES (:partition, 0)'),
    addCursor: appender.prepare('INSERT OR IGNORE INTO cursor VALUES (:consumer, :partition, 0, 0, 0)'),
    forgetOthers: appender.prepare('DELETE FROM cursor WHERE consumer NOT IN (SELECT value FROM json_each(?))'),
  };
}

function appending(appender: Connections['appender']) {
  const advance: Statement<[{ partition: number }], number> = appender
    .prepare<[{ partition: number }], number>('UPDATE head SET n = n + 1 WHERE partition = :partition RETURNING n')
    .pluck();
  const dropOldest: Statement<[], Deleted> = appender.prepare(
    'DELETE FROM batch WHERE seq = (SELECT min(seq) FROM batch) RETURNING bytes',
  );
  const size: Statement<[], { batches: number; bytes: number }> = appender.prepare('SELECT batches, bytes FROM log');
  return {
    advance,
    dropOldest,
    size,
    insert: appender.prepare(
      `INSERT INTO batch (partition, n, published_at, bytes, checksum, changes)
       VALUES (:partition, :n, :at, :bytes, :checksum, :changes)`,
    ),
  };
}

function delivering(cursors: Connections['cursors']) {
  const next: Statement<[CursorKey], NextBatch> = cursors.prepare(
    `SELECT batch.n, batch.bytes, delivering, deliveries FROM cursor
     JOIN batch ON batch.partition = cursor.partition AND batch.n > cursor.acknowledged
     WHERE cursor.consumer = :consumer AND cursor.partition = :partition ORDER BY batch.n LIMIT 1`,
  );
  const payload: Statement<[{ partition: number; n: number }], { changes: string; checksum: number }> = cursors.prepare(
    'SELECT changes, checksum FROM batch WHERE partition = :partition AND n = :n',
  );
  const behind: Statement<[{ partition: number; n: number; limit: number }], { n: number; bytes: number }> =
    cursors.prepare('SELECT n, bytes FROM batch WHERE partition = :partition AND n > :n ORDER BY n LIMIT :limit');
  return {
    next,
    payload,
    behind,
    delivering: cursors.prepare(
      `UPDATE cursor SET delivering = :n, deliveries = :deliveries
       WHERE consumer = :consumer AND partition = :partition`,
    ),
    acknowledge: cursors.prepare(
      `UPDATE cursor SET acknowledged = :n, delivering = 0, deliveries = 0
       WHERE consumer = :consumer AND partition = :partition AND acknowledged < :n`,
    ),
  };
}

function measuring(cursors: Connections['cursors']) {
  const lag: Statement<[{ consumer: string }], PartitionLag> = cursors.prepare(
    `SELECT head.partition, head.n AS head, cursor.acknowledged, (
       SELECT published_at FROM batch
       WHERE batch.partition = cursor.partition AND batch.n > cursor.acknowledged ORDER BY batch.n LIMIT 1
     ) AS oldestAt
     FROM cursor JOIN head ON head.partition = cursor.partition WHERE consumer = :consumer ORDER BY head.partition`,
  );
  const heads: Statement<[], number> = cursors.prepare<[], number>('SELECT n FROM head ORDER BY partition').pluck();
  return { lag, heads };
}

function truncating(connection: Connections['appender']) {
  const truncate: Statement<[{ partition: number }], Deleted> = connection.prepare(
    `DELETE FROM batch WHERE partition = :partition
     AND n <= (SELECT min(acknowledged) FROM cursor WHERE partition = :partition) RETURNING bytes`,
  );
  return {
    truncate,
    grow: connection.prepare('UPDATE log SET batches = batches + :batches, bytes = bytes + :bytes'),
  };
}
