import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { startChild } from '../src/child.ts';
import { type EngineName, type RunningEngine, sharedEngine, startEngine } from '../src/engines/index.ts';
import { isFree } from '../src/engines/ports.ts';
import { statOf } from '../src/engines/processes.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../src/temporary.ts';
import { until } from '../src/until.ts';

const started: RunningEngine[] = [];
const directories: TemporaryDirectory[] = [];

async function start(...args: Parameters<typeof startEngine>): Promise<RunningEngine> {
  const engine = await startEngine(...args);
  started.push(engine);
  return engine;
}

async function directory(): Promise<string> {
  const made = await temporaryDirectory();
  directories.push(made);
  // Engines run as another user where the test runs as root.
  spawnSync('chmod', ['0711', made.path]);
  return made.file('engine');
}

afterEach(async () => {
  await Promise.all(started.splice(0).map((engine) => engine.stop()));
  await Promise.all(directories.splice(0).map((made) => made.remove()));
});

async function redisOf({ url }: RunningEngine, commandTimeout = 10_000): Promise<Redis> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null, commandTimeout });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

async function set(engine: RunningEngine, value: string): Promise<void> {
  const client = await redisOf(engine);
  await client.set('key', value);
  client.disconnect();
}

async function get(engine: RunningEngine): Promise<string | null> {
  const client = await redisOf(engine);
  const value = await client.get('key');
  client.disconnect();
  return value;
}

describe('an engine', () => {
  it('answers only who knows its password', async () => {
    const engine = await start('redis');
    expect(engine.product).toMatch(/^Redis \d+\.\d+/);
    expect(engine.url).toMatch(/^redis:\/\/:[0-9a-f]{32}@127\.0\.0\.1:\d+\/0$/);
    await set(engine, 'value');
    const stranger = new Redis(engine.url.replace(/:[0-9a-f]{32}@/, ''), { enableReadyCheck: false });
    await expect(stranger.get('key')).rejects.toThrow('NOAUTH');
    stranger.disconnect();
  });

  it('does not run as root', async () => {
    const engine = await start('redis');
    expect(statSync(`/proc/${engine.pid}`).uid).not.toBe(0);
    expect(statSync(`${engine.directory}/engine.json`).mode & 0o077).toBe(0);
  });

  it('keeps its data, port and password through a stop and a start', async () => {
    const engine = await start('redis', { directory: await directory() });
    await set(engine, 'kept');
    const { url, pid } = engine;
    await engine.stop();
    expect(await statOf(pid)).toBeNull();
    await engine.restart();
    expect(engine.url).toBe(url);
    expect(await get(engine)).toBe('kept');
  });

  it('comes back after it was killed', async () => {
    const engine = await start('postgres');
    const before = new Client(engine.url);
    before.on('error', () => undefined);
    await before.connect();
    await before.query('CREATE TABLE kept AS SELECT 7 AS value');
    await engine.kill();
    await engine.restart();
    const after = new Client(engine.url);
    await after.connect();
    expect((await after.query('SELECT value FROM kept')).rows).toEqual([{ value: 7 }]);
    await after.end();
  });

  it('answers nobody while it is frozen', async () => {
    const engine = await start('redis');
    const client = await redisOf(engine, 500);
    await engine.suspend();
    await expect(client.set('key', 'late')).rejects.toThrow('timed out');
    await engine.resume();
    await until(() => client.get('key').catch(() => null));
    client.disconnect();
  });

  it('takes its temporary data with it', async () => {
    const engine = await start('redis');
    await engine.stop();
    await engine.stop();
    expect(existsSync(engine.directory)).toBe(false);
    await expect(engine.restart()).rejects.toThrow('give it a directory');
  });

  it('starts twice at once, apart', async () => {
    const [one, other] = await Promise.all([start('redis'), start('redis')]);
    await Promise.all([set(one, 'one'), set(other, 'other')]);
    expect([await get(one), await get(other)]).toEqual(['one', 'other']);
  });
});

describe('a start that fails', () => {
  it.each<[EngineName, Record<string, string>, RegExp]>([
    ['redis', { appendfsync: 'sometimes' }, /appendfsync/],
    ['postgres', { fsync: 'sometimes' }, /fsync/],
    ['nats', { jetstream: 'sync_interval: sometimes' }, /sync_interval/],
  ])('says why and where the log of %s is', async (name, settings, reason) => {
    const failure = await startEngine(name, { settings }).then(
      () => null,
      (error: Error) => error,
    );
    expect(failure).toMatchObject({ code: 'store_unavailable', message: expect.stringMatching(reason) });
    const log = /its log is (\S+):/.exec(failure?.message ?? '')?.[1] ?? '';
    expect(existsSync(log)).toBe(true);
    await rm(log.replace('/engine.log', ''), { recursive: true });
  });

  it('names a port that is taken', async () => {
    const engine = await start('redis');
    const port = Number(new URL(engine.url).port);
    await expect(startEngine('redis', { port, directory: await directory() })).rejects.toThrow(/in use/);
    expect(await isFree(port)).toBe(false);
  });
});

describe('nothing is left of a process that was killed', () => {
  it.each([
    ['redis', 'running'],
    ['postgres', 'running'],
    ['postgres', 'frozen'],
  ])('%s, %s', async (name, state) => {
    const owner = startChild<{ pid: number; directory: string }>(new URL('./engine-owner.ts', import.meta.url), [
      name,
      state,
    ]);
    const { pid, directory: data } = await owner.message(() => true, 60_000);
    expect(await statOf(pid)).not.toBeNull();
    await owner.kill();
    await until(async () => (await statOf(pid)) === null, 10_000, `the end of ${name}`);
    await until(() => !commandLines().includes(data), 10_000, `the end of all processes in ${data}`);
    await rm(data, { recursive: true });
  });
});

describe('a shared engine', () => {
  it('is one for all who ask', async () => {
    const [one, other] = await Promise.all([sharedEngine('redis'), sharedEngine('redis')]);
    expect(other.pid).toBe(one.pid);
    expect(one.log()).toContain('Ready to accept connections');
    await set(one, 'shared');
    expect(await get(other)).toBe('shared');
  });
});

function commandLines(): string {
  return String(spawnSync('ps', ['-A', '-o', 'args=']).stdout);
}
