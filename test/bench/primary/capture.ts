/** Records a second that capture carries from the ledger of MariaDB to a bus, and what its triggers cost a writer. */
import { type BusSettings, type EventBus, type OutgoingBatch, openBus } from '@mindora/bus';
import { silentLogger, systemClock, systemRandom } from '@mindora/runtime';
import { openPrimary, type Primary } from '@mindora/stores';
import { Capture } from '@mindora/sync';
import {
  connectMysql,
  type MysqlDatabase,
  newMysqlDatabase,
  type RawMysql,
  type RunningEngine,
  startEngine,
} from '@mindora/testing/engines';
import { temporaryDirectory } from '@mindora/testing/plain';
import { type Figures, type Measurement, perSecond } from '../figures.ts';
import { currentLoad } from '../machine.ts';
import { bareTable, insertText, valuesOf } from './table.ts';

export const rowsPerInsert = 500;
const partitions = 4;
const drainMsMax = 300_000;
const ports = { clock: systemClock(), random: systemRandom() };

/** A primary on MariaDB, and a client past it. */
export interface Scene {
  readonly engine: RunningEngine;
  readonly database: MysqlDatabase;
  readonly primary: Primary;
  readonly client: RawMysql;
}

/** How long a number of records took, and the second half of them: the first finds everything cold. */
export interface Carried {
  readonly wholeMs: number;
  readonly secondHalfMs: number;
}

/** Starts a MariaDB with a migrated primary and an empty table `bare` of the same columns, without triggers. */
export async function withPrimary<T>(task: (scene: Scene) => Promise<T>): Promise<T> {
  const engine = await startEngine('mariadb');
  try {
    const database = await newMysqlDatabase(engine);
    const primary = await openPrimary({ kind: 'mysql', url: database.url });
    const client = await connectMysql(database.adminUrl);
    try {
      await primary.migrate();
      await bareTable((sql) => client.query(sql));
      return await task({ engine, database, primary, client });
    } finally {
      await client.close();
      await primary.close();
    }
  } finally {
    await engine.stop();
  }
}

/** Milliseconds of inserting these conversations into a table, so many a commit. */
export async function insertRows(client: RawMysql, table: string, numbers: readonly number[], each = rowsPerInsert) {
  let ms = 0;
  for (let start = 0; start < numbers.length; start += each) {
    const some = numbers.slice(start, start + each);
    const [text, values] = [insertText(table, some.length), valuesOf(some)];
    const began = performance.now();
    await client.query(text, values);
    ms += performance.now() - began;
  }
  return ms;
}

/** Conversations are pending again, all of them. */
export async function markAll({ client }: Scene): Promise<void> {
  await client.query("UPDATE _ledger SET pending_since = NULL WHERE entity <> 'conversation'");
  await client.query("UPDATE _ledger SET pending_since = 1, mark = mark + 1 WHERE entity = 'conversation'");
}

/** Carries all that is pending, from the start of capture to the last mark that is cleared. */
export async function carry({ primary }: Scene, bus: EventBus, records: number): Promise<Carried> {
  let published = 0;
  let halfAt = 0;
  const counted = counting(bus, (batches) => {
    for (const { changes } of batches) published += changes.length;
    if (halfAt === 0 && published >= records / 2) halfAt = performance.now();
  });
  const capture = new Capture({ ledger: primary.ledger, bus: counted, log: silentLogger(), ...ports });
  const began = performance.now();
  capture.start();
  try {
    await capture.drained(ports.clock.now() + drainMsMax);
    const endedAt = performance.now();
    if (published < records) throw new Error(`${published} of ${records} records were carried`);
    return { wholeMs: endedAt - began, secondHalfMs: endedAt - halfAt };
  } finally {
    await capture.stop();
  }
}

/** The bus, and a look at what it has confirmed. */
function counting(bus: EventBus, confirmed: (batches: readonly OutgoingBatch[]) => void): EventBus {
  return {
    engine: bus.engine,
    partitions: bus.partitions,
    incarnation: () => bus.incarnation(),
    heads: () => bus.heads(),
    lag: (consumer) => bus.lag(consumer),
    renew: () => bus.renew(),
    consume: (consumer, partition, handler) => bus.consume(consumer, partition, handler),
    close: () => bus.close(),
    async publish(batches) {
      await bus.publish(batches);
      confirmed(batches);
    },
  };
}

/** A bus that throws away what it gets: what is left is capture alone. */
export function nowhere(): EventBus {
  const unused = (): never => {
    throw new Error('nobody consumes');
  };
  return {
    engine: 'none',
    partitions,
    incarnation: async () => 'none',
    heads: async () => new Array<number>(partitions).fill(0),
    publish: async () => undefined,
    consume: unused,
    lag: unused,
    renew: async () => undefined,
    close: async () => undefined,
  };
}

/** Opens a bus for as long as a task takes; nobody consumes. */
export async function withBus<T>(settings: BusSettings, task: (bus: EventBus) => Promise<T>): Promise<T> {
  const bus = await openBus(settings, { partitions, consumers: ['bench'], ...ports });
  try {
    await bus.heads();
    return await task(bus);
  } finally {
    await bus.close();
  }
}

export function carriedRow(side: string, records: number, { wholeMs, secondHalfMs }: Carried): Figures {
  return {
    side,
    'records/s': perSecond(records, wholeMs),
    'second half/s': perSecond(records / 2, secondHalfMs),
  };
}

/** To each bus, all conversations. */
export async function measureCapture(records: number): Promise<Measurement> {
  return withPrimary(async (scene) => {
    await insertRows(
      scene.client,
      'ai_conversations',
      Array.from({ length: records }, (_, number) => number),
    );
    const rows: Figures[] = [];
    const note = async (bus: EventBus, name: string): Promise<void> => {
      await markAll(scene);
      rows.push(carriedRow(name, records, await carry(scene, bus, records)));
    };
    // Not counted: it finds everything cold.
    await carry(scene, nowhere(), records);
    await note(nowhere(), 'nowhere (capture alone)');
    await toEach(note);
    const about = `${scene.engine.product}: ${records} pending records read, published durably, and their marks cleared; load ${currentLoad()}`;
    return { name: 'capture', about, rows };
  });
}

async function toEach(note: (bus: EventBus, name: string) => Promise<void>): Promise<void> {
  const directory = await temporaryDirectory();
  try {
    await withBus({ kind: 'embedded', file: directory.file('bus.sqlite') }, (bus) => note(bus, 'embedded (SQLite)'));
  } finally {
    await directory.remove();
  }
  for (const [name, kind] of [
    ['nats', 'jetstream'],
    ['rabbitmq', 'rabbitmq'],
  ] as const) {
    const { url, product, stop } = await started(name);
    try {
      await withBus({ kind, url, namespace: 'bench_' }, (bus) => note(bus, product));
    } finally {
      await stop();
    }
  }
}

async function started(name: 'nats' | 'rabbitmq') {
  const engine = await startEngine(name);
  return { url: engine.url, product: engine.product, stop: () => engine.stop() };
}
