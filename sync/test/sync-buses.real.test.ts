import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, describe, expect, test } from '@jest/globals';
import { type BusSettings, openBus } from '@mindora/bus';
import { roles } from '@mindora/contracts';
import { systemClock, systemRandom } from '@mindora/runtime';
import { type TemporaryDirectory, temporaryDirectory, until } from '@mindora/testing';
import { type RunningEngine, startEngine } from '@mindora/testing/engines';
import { verify } from '../src/verify/index.ts';
import { exchange, openVersion, type Version } from './verify-version.ts';

const settingsOf = {
  nats: ({ url }: RunningEngine): BusSettings => ({ kind: 'jetstream', url, namespace: 'sync_' }),
  rabbitmq: ({ url }: RunningEngine): BusSettings => ({ kind: 'rabbitmq', url, namespace: 'sync_' }),
} as const;

/** What happens to the server while writes go on. */
const accidents = {
  'killed and started again': async (engine: RunningEngine) => {
    await engine.kill();
    await engine.restart();
  },
  'killed, its data lost, and started again': async (engine: RunningEngine) => {
    await engine.kill();
    const data = join(engine.directory, 'data');
    for (const name of await readdir(data)) await rm(join(data, name), { recursive: true, force: true });
    await engine.restart();
  },
} as const;

const cases = (['nats', 'rabbitmq'] as const).flatMap((name) => {
  return (Object.keys(accidents) as (keyof typeof accidents)[]).map((accident) => ({ name, accident }));
});

/** A bus that comes back, and a machine that is busy, may take their time. */
const writtenMsMax = 60_000;
const settledMsMax = 90_000;

/** Writes one conversation after the other, over some keys again and again, until it is told to stop. */
function writeOn({ primary }: Version) {
  let written = 0;
  let isOver = false;
  const run = async (): Promise<void> => {
    for (; !isOver; written++) {
      const id = `c${written % 150}`;
      const row = exchange(id, `user_${written % 5}`, `text ${written}`);
      const exists = (await primary.records.get({ entity: 'conversation', id })) !== null;
      const isDeleted = exists && written % 7 === 0;
      if (isDeleted) await primary.records.write([{ op: 'delete', entity: 'conversation', id }]);
      else if (exists) {
        const set = { user_input: `text ${written}` };
        await primary.records.write([{ op: 'update', entity: 'conversation', id, set }]);
      } else await primary.records.write([{ op: 'insert', entity: 'conversation', row }]);
      // Stores and bus are in this thread, too.
      await nextTurn();
    }
  };
  const running = run();
  return {
    count: () => written,
    async stop() {
      isOver = true;
      await running;
    },
  };
}

/** Asking fails as long as the bus is away. */
async function settled({ sync }: Version): Promise<boolean> {
  try {
    return await sync.quiesce(1000);
  } catch (error) {
    expect(error).toMatchObject({ code: 'store_unavailable' });
    return false;
  }
}

describe('sync over a bus on a server', () => {
  let directory: TemporaryDirectory;
  let ends: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  test.each(cases)('$name $accident in mid-load: every store agrees with the primary', async ({ name, accident }) => {
    directory = await temporaryDirectory();
    ends = [() => directory.remove()];
    const engine = await startEngine(name);
    ends.push(() => engine.stop());
    const options = { consumers: roles, clock: systemClock(), random: systemRandom() };
    const bus = await openBus(settingsOf[name](engine), options);
    const version = await openVersion(directory.path, bus);
    ends.push(() => version.close());
    const writer = writeOn(version);
    await until(() => writer.count() >= 300, writtenMsMax, 'the first writes');
    const incarnation = await bus.incarnation();
    await accidents[accident](engine);
    const before = writer.count();
    await until(() => writer.count() >= before + 300, writtenMsMax, 'writes after the accident');
    await writer.stop();
    await until(() => settled(version), settledMsMax, 'all stores have all');
    const report = await verify(version.parts, {
      stores: null,
      entities: null,
      repair: false,
      dryRun: false,
      waitMs: settledMsMax,
    });
    expect(report).toMatchObject({ agree: true, differences: [] });
    expect(report.ledger.records).toBeGreaterThanOrEqual(150);
    expect((await bus.incarnation()) === incarnation).toBe(accident === 'killed and started again');
  });
});
