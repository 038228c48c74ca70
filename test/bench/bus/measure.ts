/** Each bus beside its client or file alone, with the same guarantees. */
import { startEngine } from '@mindora/testing/engines';
import { temporaryDirectory } from '@mindora/testing/plain';
import { type Figures, type Measurement, perSecond, ratio } from '../figures.ts';
import { currentLoad } from '../machine.ts';
import { type Content, contentOf, type OpenLane, partitions, timeRounds } from './lane.ts';
import { ourLane } from './ours.ts';
import { rawNats } from './raw-nats.ts';
import { rawRabbit } from './raw-rabbit.ts';
import { rawSqlite } from './raw-sqlite.ts';

/** Bytes of a batch, and how many rounds of one batch a partition are sent. */
const loads = [
  { bytes: 200, name: '200 B', rounds: 500 },
  { bytes: 256 * 1024, name: '256 KB', rounds: 50 },
] as const;
/** Ours and the other in turn, so that whatever else goes on in the machine weighs on both alike. */
const turns = 3;

/** Batches a second from publishing to the acknowledgement of consumers. */
export async function measureBus(): Promise<Measurement> {
  const rows = [...(await embedded()), ...(await jetstream()), ...(await rabbitmq())];
  const how = `a batch for each of ${partitions} partitions published and confirmed at a time, one in flight a partition`;
  const beside = 'beside the client alone with the same durability, which neither writes nor reads JSON';
  return { name: 'bus', about: `${how}; ${beside}; load ${currentLoad()}`, rows };
}

async function embedded(): Promise<Figures[]> {
  const directory = await temporaryDirectory();
  let files = 0;
  const newFile = (): string => directory.file(`bus-${++files}.sqlite`);
  try {
    return await compare(
      'embedded (SQLite)',
      ourLane(() => ({ kind: 'embedded', file: newFile() })),
      rawSqlite(newFile),
    );
  } finally {
    await directory.remove();
  }
}

async function jetstream(): Promise<Figures[]> {
  const engine = await startEngine('nats');
  let lanes = 0;
  try {
    const { url } = engine;
    const ours = ourLane(() => ({ kind: 'jetstream', url, namespace: `bench${++lanes}_` }));
    return await compare(engine.product, ours, rawNats(url));
  } finally {
    await engine.stop();
  }
}

async function rabbitmq(): Promise<Figures[]> {
  const engine = await startEngine('rabbitmq');
  let lanes = 0;
  try {
    const { url } = engine;
    const ours = ourLane(() => ({ kind: 'rabbitmq', url, namespace: `bench${++lanes}_` }));
    return await compare(engine.product, ours, rawRabbit(url));
  } finally {
    await engine.stop();
  }
}

async function compare(bus: string, ours: OpenLane, raw: OpenLane): Promise<Figures[]> {
  const rows: Figures[] = [];
  for (const { bytes, name, rounds } of loads) {
    const content = contentOf(bytes);
    const times = await inTurn(ours, raw, content, rounds);
    const batches = turns * rounds * partitions;
    rows.push({
      bus,
      batch: name,
      'batches/s': perSecond(batches, times.ours),
      'raw batches/s': perSecond(batches, times.raw),
      'MB/s': Number(((batches * content.bytes.length) / 1000 / times.ours).toFixed(2)),
      'ours : raw': ratio(times.raw, times.ours),
    });
  }
  return rows;
}

async function inTurn(ours: OpenLane, raw: OpenLane, content: Content, rounds: number) {
  const times = { ours: 0, raw: 0 };
  for (let turn = 0; turn < turns; turn++) {
    times.ours += await timeRounds(ours, content, rounds);
    times.raw += await timeRounds(raw, content, rounds);
  }
  return times;
}
