/** The primary in its own thread, under concurrency and after crashes (architecture, rules 5 and 6). */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import type { Row } from '@mindora/contracts';
import { Thread } from '@mindora/runtime';
import { connectPrimary, openPrimary, type Primary, primaryThread } from '../../src/primary/index.ts';
import type { Mutation } from '../../src/primary/port.ts';
import { conversation, ledgerOf, startPrimary, world } from './world.ts';

async function withThread(task: (primary: Primary, thread: Thread) => Promise<void>): Promise<void> {
  const { location, remove } = await world().newPlace();
  const thread = await Thread.start({ name: 'primary', module: primaryThread, data: location });
  const primary = connectPrimary(thread, location);
  try {
    await task(primary, thread);
  } finally {
    await primary.close();
    await thread.stop();
    await remove();
  }
}

const set = (id: string, text: string): Mutation => ({
  op: 'update',
  entity: 'conversation',
  id,
  set: { user_input: text },
});

/** Resolves at the first call back. */
function nextPending(primary: Primary): Promise<void> {
  return new Promise((resolve) => {
    const stop = primary.ledger.onPending(() => {
      stop();
      resolve();
    });
  });
}

describe('group commit', () => {
  test('1,000 writes at once: one that fails leaves its neighbours alone', async () => {
    await withThread(async (primary) => {
      const units = Array.from({ length: 1000 }, (_, n) => {
        const id = n === 500 ? 'c499' : `c${n}`;
        return primary.records.write([conversation(`before${n}`), conversation(id)]);
      });
      const outcomes = await Promise.allSettled(units);
      const failed = outcomes.flatMap((outcome, n) =>
        outcome.status === 'rejected' ? [[n, outcome.reason.code]] : [],
      );
      expect(failed).toEqual([[500, 'conflict']]);
      const lines = await primary.ledger.scan('conversation', null, 10_000);
      expect(lines).toHaveLength(1998);
      expect(lines.every((line) => line.present && line.version === 1 && line.pendingSince !== null)).toBe(true);
      expect(lines.some((line) => line.id === 'before500')).toBe(false);
    });
  });

  test('is bounded: what does not fit is overloaded, what fits is written', async () => {
    const { location, remove } = await world().newPlace();
    const limits = { groupUnitsMax: 2, groupBytesMax: 1000, queueUnitsMax: 5, queueBytesMax: 1e6 };
    const primary = await openPrimary({ ...location, limits });
    await primary.migrate();
    const results = await primary.records.writeEach(Array.from({ length: 8 }, (_, n) => [conversation(`c${n}`)]));
    expect(results.map((result) => (result.ok ? 'ok' : result.code))).toEqual([
      ...Array(5).fill('ok'),
      ...Array(3).fill('overloaded'),
    ]);
    expect(await primary.ledger.scanVersions('conversation', null, 100)).toHaveLength(5);
    await primary.close();
    await expect(primary.records.write([conversation('late')])).rejects.toMatchObject({ code: 'shutting_down' });
    await remove();
  });
});

test('pending shows row and version of one snapshot while writes go on', async () => {
  await withThread(async (primary) => {
    const ids = ['a', 'b', 'c'];
    await primary.records.write(ids.map((id) => conversation(id, { user_input: '1' })));
    let done = false;
    const writer = (async () => {
      for (let n = 2; n <= 400; n++) await Promise.all(ids.map((id) => primary.records.write([set(id, String(n))])));
      done = true;
    })();
    const seen = new Set<number>();
    while (!done) {
      const records = await primary.ledger.pending(1000, 1e9);
      for (const record of records.filter(({ entity }) => entity === 'conversation')) {
        expect(record.row?.user_input).toBe(String(record.version));
        seen.add(record.version);
      }
      await primary.ledger.clear(records);
    }
    await writer;
    const last = await primary.ledger.read(ids.map((id) => ({ entity: 'conversation', id })));
    expect(last).toMatchObject(ids.map(() => ({ version: 400, row: { user_input: '400' } })));
    expect(seen.size).toBeGreaterThan(1);
  });
});

describe('news of pending records', () => {
  test('comes for writes through the thread, and by other programs', async () => {
    const it = await startPrimary();
    const own = nextPending(it.primary);
    await it.primary.records.write([conversation('own')]);
    await own;
    const foreign = nextPending(it.primary);
    await it.raw.exec("UPDATE ai_conversations SET user_input = 'typed' WHERE id = 'own'");
    await foreign;
    await it.end();
  });

  test('crosses threads, and the death of the thread', async () => {
    await withThread(async (primary, thread) => {
      await nextPending(primary);
      const own = nextPending(primary);
      await primary.records.write([conversation('own')]);
      await own;
      const reborn = nextPending(primary);
      await thread.kill();
      await reborn;
      // News may also be of the thread's last life: calls are refused until the next one is ready.
      const again = async (): Promise<Row | null> => {
        await setImmediate();
        return primary.records.get({ entity: 'conversation', id: 'own' }).catch(again);
      };
      expect(await again()).toMatchObject({ id: 'own' });
      expect(await primary.health()).toEqual({ ok: true, detail: 'ok' });
    });
  });
});

/** The ids that the process reported until it was killed. */
async function acknowledged(child: ChildProcess, killAfter: number): Promise<string[]> {
  const ids: string[] = [];
  if (child.stdout === null) throw new Error('no output');
  for await (const line of createInterface({ input: child.stdout })) {
    ids.push(line);
    if (ids.length === killAfter) child.kill('SIGKILL');
  }
  // The last line may have been cut by the kill; a whole one ends in a number of the same client.
  return ids.slice(0, -1);
}

test('after a kill every acknowledged write is there, with its ledger line', async () => {
  const place = await world().newPlace();
  const script = fileURLToPath(new URL('./writer.ts', import.meta.url));
  for (const killAfter of [300, 900]) {
    const child = spawn(process.execPath, [script, JSON.stringify(place.location)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ids = await acknowledged(child, killAfter);
    expect(ids.length).toBeGreaterThanOrEqual(killAfter - 1);
    const primary = await openPrimary(place.location);
    await primary.migrate();
    const records = await primary.ledger.read(ids.map((id) => ({ entity: 'conversation', id })));
    expect(records.filter((record) => record?.present !== true || record.pendingSince === null)).toEqual([]);
    const raw = await place.connect();
    expect((await ledgerOf(raw, 'conversation')).size).toBeGreaterThanOrEqual(ids.length);
    await raw.exec('DELETE FROM ai_conversations');
    await raw.close();
    await primary.close();
  }
  await place.remove();
});
