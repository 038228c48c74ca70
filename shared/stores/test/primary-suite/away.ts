/** A server that is away, goes away, hangs, or is set up wrongly. Each test has a server of its own. */
import { describe, expect, test } from '@jest/globals';
import { Thread } from '@mindora/runtime';
import { until } from '@mindora/testing';
import { newMysqlDatabase, type RunningEngine, startEngine } from '@mindora/testing/engines';
import {
  connectPrimary,
  openPrimary,
  type Primary,
  type PrimaryLocation,
  primaryThread,
} from '../../src/primary/index.ts';
import { conversation, world } from './world.ts';

const server = world().name as 'mariadb' | 'mysql';

async function withServer(
  task: (engine: RunningEngine, location: PrimaryLocation) => Promise<void>,
  settings: Record<string, string> = {},
): Promise<void> {
  const engine = await startEngine(server, { settings });
  try {
    const { url } = await newMysqlDatabase(engine);
    await task(engine, { kind: 'mysql', url });
  } finally {
    await engine.stop();
  }
}

const outcome = (primary: Primary, id: string) =>
  primary.records.write([conversation(id)]).then(
    () => 'ok',
    (error: { code: string }) => error.code,
  );

/** How a call ended, and that it took no longer than a caller may be made to wait. */
async function quick(task: () => Promise<string>, atMostMs: number): Promise<string> {
  const from = performance.now();
  const result = await task();
  expect(performance.now() - from).toBeLessThan(atMostMs);
  return result;
}

describe('a server', () => {
  test('that is away at the start: the thread is up, refuses, and migrates once it answers', async () => {
    await withServer(async (engine, location) => {
      await engine.kill();
      const thread = await Thread.start({ name: 'primary', module: primaryThread, data: location });
      const primary = connectPrimary(thread, location);
      expect(await quick(() => outcome(primary, 'early'), 15_000)).toBe('store_unavailable');
      expect(await primary.health()).toMatchObject({ ok: false });
      const reading = primary.ledger.pending(1, 1).then(
        () => 'ok',
        (error: { code: string }) => error.code,
      );
      expect(await reading).toBe('store_unavailable');
      await engine.restart();
      await until(async () => (await outcome(primary, 'late')) === 'ok', 60_000);
      expect(await primary.ledger.statistics()).toMatchObject({ parked: 0 });
      expect(primary.engine).toMatch(/\d+\.\d+/);
      await primary.close();
      await thread.stop();
    });
  });

  test('that dies and comes back is used again, and has what was acknowledged', async () => {
    await withServer(async (engine, location) => {
      const primary = await openPrimary(location);
      await primary.migrate();
      const ids = Array.from({ length: 50 }, (_, n) => `kept${n}`);
      const outcomes = Promise.all(ids.map((id) => outcome(primary, id)));
      await engine.kill();
      const acknowledged = (await outcomes).flatMap((result, n) => (result === 'ok' ? [`kept${n}`] : []));
      expect(await quick(() => outcome(primary, 'away'), 15_000)).toBe('store_unavailable');
      await engine.restart();
      await until(async () => (await outcome(primary, 'back')) === 'ok', 60_000);
      const versions = await primary.records.versions(acknowledged.map((id) => ({ entity: 'conversation', id })));
      expect(versions).toEqual(acknowledged.map(() => 1));
      await primary.close();
    });
  });

  test('that hangs is given up after a while, and used again when it goes on', async () => {
    await withServer(async (engine, location) => {
      const primary = await openPrimary(location);
      await primary.migrate();
      await engine.suspend();
      expect(await quick(() => outcome(primary, 'hung'), 30_000)).toBe('store_unavailable');
      expect(await quick(() => outcome(primary, 'hung too'), 30_000)).toBe('store_unavailable');
      await engine.resume();
      await until(async () => (await outcome(primary, 'awake')) === 'ok', 60_000);
      await primary.close();
    });
  });

  test('whose settings lose commits, and an account that may do too much, are told by name', async () => {
    const settings = {
      'sync-binlog': '0',
      'innodb-flush-log-at-trx-commit': '2',
      'binlog-format': 'STATEMENT',
      'innodb-doublewrite': '0',
      'max-allowed-packet': '1048576',
    };
    await withServer(async (engine, location) => {
      const database = new URL(location.kind === 'mysql' ? location.url : '').pathname;
      const primary = await openPrimary({ kind: 'mysql', url: engine.url.replace(/\/$/, '') + database });
      const weak = await primary.weakSettings();
      for (const name of [...Object.keys(settings), 'drop', 'super']) {
        expect(weak.join('\n').toLowerCase()).toContain(name.replaceAll('-', '_'));
      }
      expect(await primary.health()).toMatchObject({ ok: false });
      await expect(primary.migrate()).rejects.toMatchObject({
        code: 'store_unavailable',
        message: expect.stringContaining('innodb_flush_log_at_trx_commit'),
      });
      expect(await outcome(primary, 'refused')).toBe('store_unavailable');
      await primary.close();
    }, settings);
  });

  test('whose settings lose commits is used by who allows it', async () => {
    await withServer(
      async (_engine, location) => {
        const primary = await openPrimary({ ...location, allowUnsafe: true } as PrimaryLocation);
        await primary.migrate();
        expect(await outcome(primary, 'a laptop')).toBe('ok');
        expect(await primary.health()).toMatchObject({ ok: true });
        await primary.close();
      },
      { 'innodb-flush-log-at-trx-commit': '2' },
    );
  });

  test('that knows no such account says so', async () => {
    await withServer(async (_engine, location) => {
      const url = location.kind === 'mysql' ? location.url.replace(/:[^:@]*@/, ':wrong@') : '';
      const primary = await openPrimary({ kind: 'mysql', url });
      await expect(primary.migrate()).rejects.toMatchObject({
        code: 'store_unavailable',
        message: expect.stringContaining('refuses the account'),
      });
      await primary.close();
    });
  });
});
