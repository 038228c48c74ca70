import { readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type EmbeddedBus, type EmbeddedBusOptions, openEmbeddedBus } from '@mindora/bus';
import { systemClock, systemRandom } from '@mindora/runtime';
import { batchOf, collect, drained, idsOf } from '../src/bus/driver.ts';
import { startChild } from '../src/child.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../src/temporary.ts';
import { until } from '../src/until.ts';

// What is particular to the SQLite log: its file, its bounds, its consumers. The suite of all buses is bus-suite.ts.
describe('the embedded bus', () => {
  let directory: TemporaryDirectory;
  let opened: EmbeddedBus[];

  beforeEach(async () => {
    directory = await temporaryDirectory();
    opened = [];
  });
  afterEach(async () => {
    await Promise.all(opened.map((bus) => bus.close()));
    await directory.remove();
  });

  async function open(options: Partial<EmbeddedBusOptions> = {}): Promise<EmbeddedBus> {
    const tools = { clock: systemClock(), random: systemRandom() };
    const bus = await openEmbeddedBus({
      file: directory.file('deep/bus'),
      consumers: ['a', 'b'],
      ...tools,
      ...options,
    });
    opened.push(bus);
    return bus;
  }

  /** Leaves a log as a killed process does: with batches, some in the write-ahead log only. */
  async function killedPublisher(): Promise<void> {
    const module = new URL('./drivers/embedded-bus.ts', import.meta.url).href;
    const child = startChild<number>(new URL('../src/bus/child.ts', import.meta.url), [
      module,
      directory.file('deep/bus'),
      'publish',
    ]);
    await child.message((count) => count >= 20);
    await child.kill();
  }

  test('a file that is no log is moved aside, and a new incarnation begins', async () => {
    const first = await open();
    const incarnation = await first.incarnation();
    await first.publish([batchOf(0, 'a')]);
    await first.close();
    await writeFile(directory.file('deep/bus'), 'no database at all '.repeat(5000));
    const again = await open();
    expect(await again.incarnation()).not.toBe(incarnation);
    expect(await again.heads()).toEqual([0, 0, 0, 0]);
    await again.publish([batchOf(0, 'b')]);
    expect(idsOf(await collect(again, 'a', 0).count(1))).toEqual(['b']);
    expect((await readdir(directory.file('deep'))).filter((name) => name.startsWith('bus.corrupt-')).length).toBe(1);
  });

  test.each(['middle of the file', 'text of a batch', 'end of the file'])('damage found later: %s', async (where) => {
    const file = directory.file('deep/bus');
    const first = await open();
    const incarnation = await first.incarnation();
    for (let i = 0; i < 40; i++) await first.publish([batchOf(0, `c${i}`, 'some text '.repeat(3000))]);
    await first.close();
    const bytes = await readFile(file);
    if (where === 'end of the file') await truncate(file, bytes.length >> 1);
    else if (where === 'text of a batch')
      await writeFile(file, bytes.fill('X', bytes.indexOf('some text', 99_999), 120_000));
    else await writeFile(file, bytes.fill(0xff, 16_384, bytes.length - 16_384));
    const again = await open();
    const collector = collect(again, 'a', 0);
    // Whoever comes across the damage is told to try again; by then there is a new log.
    await until(async () => {
      await again.publish([batchOf(0, 'x')]).catch((error: unknown) => {
        expect(error).toMatchObject({ code: 'store_unavailable' });
      });
      return (await again.incarnation()) !== incarnation;
    });
    await again.publish([batchOf(1, 'new')]);
    const renewed = await collect(again, 'b', 1).count(1);
    expect(renewed[0]).toMatchObject({ n: 1, incarnation: await again.incarnation() });
    expect(collector.deliveries.every(({ changes }) => changes.length === 1)).toBe(true);
    expect(await again.incarnation()).not.toBe(incarnation);
  });

  test('a file deleted after a kill, with its write-ahead log left behind, is a new log', async () => {
    await killedPublisher();
    expect((await stat(directory.file('deep/bus-wal'))).size).toBeGreaterThan(0);
    await rm(directory.file('deep/bus'));
    expect(await (await open()).heads()).toEqual([0, 0, 0, 0]);
  });

  test('another number of partitions is a new incarnation', async () => {
    const first = await open();
    const incarnation = await first.incarnation();
    await first.close();
    const again = await open({ partitions: 7 });
    expect(await again.heads()).toEqual([0, 0, 0, 0, 0, 0, 0]);
    expect(await again.incarnation()).not.toBe(incarnation);
  });

  test('a consumer that is named no more holds nothing, and starts anew when it comes back', async () => {
    const first = await open();
    await first.publish([batchOf(0, 'x'), batchOf(0, 'y')]);
    await collect(first, 'a', 0).count(2);
    await first.close();
    const without = await open({ consumers: ['a'] });
    await expect(without.lag('b')).rejects.toMatchObject({ code: 'invalid_request' });
    await without.publish([batchOf(0, 'z')]);
    const collector = collect(without, 'a', 0);
    await collector.count(1);
    await collector.stop();
    await without.publish([batchOf(0, 'zz')]);
    await without.close();
    const back = await open();
    const [delivery] = await collect(back, 'b', 0).count(1);
    expect(delivery).toMatchObject({ n: 4, deliveries: 1 });
  });

  test('the bound in bytes drops the oldest batches, those in flight too', async () => {
    const bus = await open({ bytesMax: 100_000 });
    const gate = Promise.withResolvers<void>();
    const slow = collect(bus, 'a', 0, () => gate.promise);
    await bus.publish([batchOf(0, 'first')]);
    await slow.count(1);
    for (let i = 0; i < 30; i++) await bus.publish([batchOf(0, `c${i}`, 'x'.repeat(10_000))]);
    gate.resolve();
    const deliveries = await slow.count(10);
    expect(deliveries.map(({ n }) => n)).toEqual([1, 23, 24, 25, 26, 27, 28, 29, 30, 31]);
  });

  test('the file is for its owner only', async () => {
    await open();
    expect((await stat(directory.file('deep/bus'))).mode & 0o077).toBe(0);
    expect((await stat(directory.file('deep'))).mode & 0o077).toBe(0);
  });

  test('scrub leaves no byte of what everyone has acknowledged', async () => {
    const bus = await open();
    const secret = 'remember-me-not-5c1d';
    await bus.publish([batchOf(0, 'a', secret), batchOf(0, 'b', secret.repeat(2000))]);
    for (const consumer of ['a', 'b']) {
      collect(bus, consumer, 0);
      await drained(bus, consumer, 0);
    }
    await writeFile(directory.file('deep/bus.corrupt-2026'), secret);
    await bus.publish([batchOf(1, 'kept')]);
    await bus.scrub();
    for (const name of await readdir(directory.file('deep'))) {
      expect((await readFile(directory.file(`deep/${name}`))).includes(secret)).toBe(false);
    }
    expect(await bus.heads()).toEqual([2, 1, 0, 0]);
  });

  test('acknowledging gives the space back for new batches', async () => {
    const bus = await open({ consumers: ['a'] });
    const collector = collect(bus, 'a', 0);
    const text = 'x'.repeat(200_000);
    for (let i = 1; i <= 100; i++) {
      await bus.publish([batchOf(0, `c${i}`, text)]);
      await collector.count(i);
      await drained(bus, 'a', 0);
    }
    expect((await stat(directory.file('deep/bus'))).size).toBeLessThan(4_000_000);
  });
});
