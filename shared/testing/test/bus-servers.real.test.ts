import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type BusSettings, type EventBus, openBus } from '@mindora/bus';
import { systemClock, systemRandom } from '@mindora/runtime';
import { batchOf, collect, consumers, drained, idsOf, numbersOf, partitions } from '../src/bus/driver.ts';
import { type RunningEngine, startEngine } from '../src/engines/index.ts';
import { until } from '../src/until.ts';
import { emptyJetStream, emptyRabbit } from './drivers/emptied-buses.ts';

const [relational] = consumers;
const restartMsMax = 60_000;

interface ServerKind {
  readonly name: 'nats' | 'rabbitmq';
  settings(engine: RunningEngine, namespace: string): BusSettings;
  /** Takes all batches of one consumer and partition away, as a person might. */
  empty(engine: RunningEngine, namespace: string, consumer: string, partition: number): Promise<void>;
}

const kinds: readonly ServerKind[] = [
  {
    name: 'nats',
    settings: ({ url, addresses }, namespace) => ({
      kind: 'jetstream',
      url,
      namespace,
      monitoring: addresses.monitoring ?? '',
    }),
    empty: emptyJetStream,
  },
  {
    name: 'rabbitmq',
    settings: ({ url, addresses }, namespace) => ({
      kind: 'rabbitmq',
      url,
      namespace,
      management: addresses.management ?? '',
    }),
    empty: emptyRabbit,
  },
];

/** Starts again with an empty data directory. */
async function startEmpty(engine: RunningEngine): Promise<void> {
  await engine.kill();
  const data = join(engine.directory, 'data');
  for (const name of await readdir(data)) await rm(join(data, name), { recursive: true, force: true });
  await engine.restart();
}

describe.each(kinds)('the bus on $name and its server', ({ name, settings, empty }) => {
  let engine: RunningEngine;
  let namespace: string;
  let rounds = 0;
  let buses: EventBus[] = [];

  beforeAll(async () => {
    engine = await startEngine(name);
  });
  afterAll(() => engine.stop());
  beforeEach(() => {
    namespace = `round${rounds++}_`;
    buses = [];
  });
  afterEach(async () => {
    await Promise.all(buses.map((bus) => bus.close()));
  });

  async function open(): Promise<EventBus> {
    const options = { consumers, partitions, clock: systemClock(), random: systemRandom() };
    const bus = await openBus(settings(engine, namespace), options);
    buses.push(bus);
    return bus;
  }

  /** Publishes one batch until it is confirmed. */
  async function publishSurely(bus: EventBus, id: string): Promise<void> {
    await until(async () => {
      try {
        await bus.publish([batchOf(0, id)]);
        return true;
      } catch (error) {
        expect(error).toMatchObject({ code: 'store_unavailable' });
        return false;
      }
    }, restartMsMax);
  }

  /** Publishes one batch after the other until it is told to stop. */
  function publishOn(bus: EventBus): { confirmed: readonly string[]; stop(): Promise<void> } {
    const confirmed: string[] = [];
    let isOver = false;
    const run = async (): Promise<void> => {
      while (!isOver) {
        const id = `c${confirmed.length}`;
        await publishSurely(bus, id);
        confirmed.push(id);
      }
    };
    const running = run();
    return {
      confirmed,
      async stop() {
        isOver = true;
        await running;
      },
    };
  }

  test.each([1, 4])(
    'killed in the middle of publishing: what was confirmed arrives in order, by %i',
    async (batchesMax) => {
      const bus = await open();
      const incarnation = await bus.incarnation();
      const collector = collect(bus, relational, 0, undefined, { batchesMax });
      const publisher = publishOn(bus);
      await until(() => publisher.confirmed.length >= 40, restartMsMax);
      await engine.kill();
      const before = publisher.confirmed.length;
      await engine.restart();
      await until(() => publisher.confirmed.length >= before + 40, restartMsMax);
      await publisher.stop();
      await drained(bus, relational, 0);
      // A server may take acknowledgements back that it had not on its disk, and what was published twice arrives twice.
      expect([...new Set(idsOf(collector.deliveries))]).toEqual(publisher.confirmed);
      expect(await bus.incarnation()).toBe(incarnation);
      const numbers = [...new Set(numbersOf(collector.deliveries))];
      expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, index) => index + 1));
    },
  );

  test('one process after the other: who takes over has no hole, and nothing while the other is at it', async () => {
    const [former, latter] = [await open(), await open()];
    const gate = Promise.withResolvers<void>();
    const ids = Array.from({ length: 40 }, (_, index) => `c${index}`);
    const several = { batchesMax: 8 };
    const first = collect(
      former,
      relational,
      0,
      ({ n, first }) => (n > first ? gate.promise : Promise.resolve()),
      several,
    );
    await former.publish(ids.map((id) => batchOf(0, id)));
    await until(() => first.deliveries.some((delivery) => delivery.n > delivery.first), restartMsMax);
    const second = collect(latter, relational, 0, undefined, several);
    await latter.publish([batchOf(0, 'last')]);
    expect(second.deliveries).toEqual([]);
    const stopping = first.stop();
    gate.resolve();
    await stopping;
    await until(() => idsOf(second.deliveries).includes('last'), restartMsMax);
    const [before, after] = [numbersOf(first.deliveries), numbersOf(second.deliveries)];
    expect(after[0]).toBeLessThanOrEqual((before.at(-1) ?? 0) + 1);
    expect([...new Set([...before, ...after])]).toEqual([...ids, 'last'].map((_, index) => index + 1));
    expect([...after].sort((a, b) => a - b)).toEqual(after);
  });

  test('away: calls fail within seconds, and work again when it is back', async () => {
    const bus = await open();
    await bus.publish([batchOf(0, 'a')]);
    const collector = collect(bus, relational, 0);
    await collector.count(1);
    await engine.kill();
    const unavailable = { code: 'store_unavailable' };
    for (const call of [() => bus.heads(), () => bus.lag(relational), () => bus.incarnation(), () => bus.renew()]) {
      const startedAt = performance.now();
      await expect(call()).rejects.toMatchObject(unavailable);
      expect(performance.now() - startedAt).toBeLessThan(15_000);
    }
    const startedAt = performance.now();
    await expect(bus.publish([batchOf(0, 'b')])).rejects.toMatchObject(unavailable);
    expect(performance.now() - startedAt).toBeLessThan(30_000);
    await engine.restart();
    await publishSurely(bus, 'c1');
    await until(() => idsOf(collector.deliveries).includes('c1'), restartMsMax);
  });

  test('away when the bus is opened: it is taken up when it comes', async () => {
    await engine.kill();
    const bus = await open();
    const collector = collect(bus, relational, 0);
    await expect(bus.incarnation()).rejects.toMatchObject({ code: 'store_unavailable' });
    await engine.restart();
    await publishSurely(bus, 'c1');
    expect(idsOf(await collector.count(1))).toEqual(['c1']);
  });

  test('lost whole while it was down: publisher and consumers go on under another incarnation', async () => {
    const bus = await open();
    const incarnation = await bus.incarnation();
    const collector = collect(bus, relational, 0);
    const publisher = publishOn(bus);
    await until(() => publisher.confirmed.length >= 30, restartMsMax);
    await startEmpty(engine);
    const before = publisher.confirmed.length;
    await until(() => publisher.confirmed.length >= before + 30, restartMsMax);
    await publisher.stop();
    await drained(bus, relational, 0);
    const now = await bus.incarnation();
    expect(now).not.toBe(incarnation);
    const later = collector.deliveries.filter((delivery) => delivery.incarnation === now);
    expect(idsOf(later).at(-1)).toBe(publisher.confirmed.at(-1));
    expect(later.map(({ n }) => n)).toEqual(Array.from(later, (_, index) => index + 1));
  });

  test('emptied by hand: the lag says so without another publish, and the next batch shows the gap', async () => {
    const bus = await open();
    await bus.publish([batchOf(0, 'a'), batchOf(0, 'b'), batchOf(0, 'c')]);
    const gate = Promise.withResolvers<void>();
    const collector = collect(bus, relational, 0, () => gate.promise);
    await collector.count(1);
    await empty(engine, namespace, relational, 0);
    gate.resolve();
    await drained(bus, relational, 0);
    expect(idsOf(collector.deliveries)).toEqual(['a']);
    expect((await bus.lag(relational))[0]).toMatchObject({ head: 3, acknowledged: 3 });
    await bus.publish([batchOf(0, 'd')]);
    expect((await collector.count(2)).map(({ n }) => n)).toEqual([1, 4]);
  });

  test('as the launcher sets it up, no setting is weak', async () => {
    const bus = await open();
    expect(await bus.weakSettings?.()).toEqual([]);
  });
});

describe('weak settings', () => {
  test('JetStream that confirms before the disk has it', async () => {
    const engine = await startEngine('nats', { settings: { jetstream: 'sync_interval: 30s' } });
    const { url, addresses } = engine;
    const ports = { clock: systemClock(), random: systemRandom() };
    const known = { kind: 'jetstream', url, namespace: 'weak_', monitoring: addresses.monitoring ?? '' } as const;
    const unknown = { kind: 'jetstream', url, namespace: 'weak_' } as const;
    for (const [settings, said] of [
      [known, /up to 30 s .*sync_interval: always/],
      [unknown, /can't be read.*sync_interval: always/],
    ] as const) {
      const bus = await openBus(settings, { consumers, ...ports });
      expect(await bus.weakSettings?.()).toEqual([expect.stringMatching(said)]);
      await bus.close();
    }
    await engine.stop();
  });
});
