/** Our capture beside Debezium's embedded engine, on one server in one run. */
import { chmod, cp, mkdir } from 'node:fs/promises';
import { startEngine } from '@mindora/testing/engines';
import { temporaryDirectory } from '@mindora/testing/plain';
import { type Figures, type Measurement, perSecond, ratio } from '../figures.ts';
import { currentLoad } from '../machine.ts';
import {
  carriedRow,
  carry,
  insertRows,
  markAll,
  nowhere,
  type Scene,
  withBus,
  withPrimary,
} from '../primary/capture.ts';
import { type Streamed, stream, version } from './engine.ts';

const singleInserts = 300;
const bulkInserts = 5000;
const firstNumber = 10_000_000;

/** Both sides' rates, and what our triggers cost a writer. */
export async function measureDebezium(records: number): Promise<Measurement[]> {
  return withPrimary(async (scene) => {
    const writes = await measureTriggers(scene);
    await scene.client.query('DELETE FROM ai_conversations; DELETE FROM bare; DELETE FROM _ledger');
    const numbers = Array.from({ length: records }, (_, number) => firstNumber + number);
    const theirs = await theirRows(scene, numbers);
    await insertRows(scene.client, 'ai_conversations', numbers);
    const rows = [...(await ourRows(scene, records)), ...theirs];
    const ours = 'ours reads pending rows from the ledger, publishes their newest states as JSON and clears the marks';
    const other = `Debezium ${version} reads every step from the binary log and counts it, kept nowhere, its start not counted`;
    const about = `${scene.engine.product}, ${records} inserted rows: ${ours}; ${other}; load ${currentLoad()}`;
    return [{ name: 'debezium', about, rows }, writes];
  });
}

async function ourRows(scene: Scene, records: number): Promise<Figures[]> {
  // Not counted: it finds everything cold. Of Debezium, the second half is what compares with the rest.
  await carry(scene, nowhere(), records);
  await markAll(scene);
  const counted = await carry(scene, nowhere(), records);
  const nats = await startEngine('nats');
  try {
    const settings = { kind: 'jetstream', url: nats.url, namespace: 'bench_' } as const;
    await markAll(scene);
    const published = await withBus(settings, (bus) => carry(scene, bus, records));
    return [
      carriedRow('our capture, to nowhere', records, counted),
      carriedRow(`our capture, durable on ${nats.product}`, records, published),
    ];
  } finally {
    await nats.stop();
  }
}

/** From a table of the same columns and rows without triggers, whose lines would be in its log, too. */
async function theirRows({ engine, database, client }: Scene, numbers: readonly number[]): Promise<Figures[]> {
  const directory = await temporaryDirectory();
  try {
    await chmod(directory.path, 0o700);
    const start = directory.file('start');
    await mkdir(start);
    const source = { url: engine.url, database: database.name, table: 'bare' };
    await insertRows(client, 'bare', [firstNumber - 1]);
    await stream({ ...source, directory: start, events: 1, format: 'connect' });
    await insertRows(client, 'bare', numbers);
    const rows: Figures[] = [];
    for (const [format, what] of [
      ['connect', 'counting its own objects'],
      ['json', 'counting JSON'],
    ] as const) {
      const own = directory.file(format);
      await cp(start, own, { recursive: true });
      const streamed: Streamed = await stream({ ...source, directory: own, events: numbers.length, format });
      rows.push(carriedRow(`Debezium, ${what}`, numbers.length, streamed));
    }
    return rows;
  } finally {
    await directory.remove();
  }
}

/** The same inserts into both tables in turn. */
async function measureTriggers({ client, engine }: Scene): Promise<Measurement> {
  const rows: Figures[] = [];
  for (const [each, count, what] of [
    [1, singleInserts, 'one row a commit'],
    [500, bulkInserts, '500 rows a commit'],
  ] as const) {
    const times = { ai_conversations: 0, bare: 0 };
    const step = Math.max(each, 50);
    for (let start = 0; start < count; start += step) {
      const numbers = Array.from({ length: step }, (_, index) => each * firstNumber * 2 + start + index);
      for (const table of ['ai_conversations', 'bare'] as const) {
        times[table] += await insertRows(client, table, numbers, each);
      }
    }
    rows.push({
      inserts: what,
      'with triggers, rows/s': perSecond(count, times.ai_conversations),
      'without, rows/s': perSecond(count, times.bare),
      'with : without': ratio(times.bare, times.ai_conversations),
    });
  }
  const about = `${engine.product}; a bare client, the same rows in turn; Debezium asks nothing of a writer; load ${currentLoad()}`;
  return { name: 'triggers', about, rows };
}
