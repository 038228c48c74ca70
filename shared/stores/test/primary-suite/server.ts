/** What only a server brings: other writers, its types, cascades, rights, several processes at once. */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { until } from '@mindora/testing';
import { openPrimary, type Primary } from '../../src/primary/index.ts';
import type { Mutation } from '../../src/primary/port.ts';
import { connect } from './on-mysql.ts';
import { clearAll, conversation, ledgerOf, startPrimary, type TestPrimary, user } from './world.ts';

let it: TestPrimary;
/** Another process on the same database. */
let other: Primary;
beforeAll(async () => {
  it = await startPrimary();
  other = await openPrimary(it.location);
  await other.migrate();
});
afterAll(async () => {
  await other.close();
  await it.end();
});

const write = (...unit: Mutation[]) => it.primary.records.write(unit);
const set = (id: string, user_input: string, version?: number): Mutation => ({
  op: 'update',
  entity: 'conversation',
  id,
  set: { user_input },
  ...(version === undefined ? {} : { version }),
});

describe('two processes', () => {
  const both = () => [it.primary, other];

  test('that merge into one record lose no field', async () => {
    const merge = (n: number): Mutation => ({
      op: 'merge',
      entity: 'profile',
      id: 'merged',
      column: 'profile',
      fields: { [`f${n}`]: n },
      otherwise: { user_id: 'merged' },
    });
    const fields = Array.from({ length: 60 }, (_, n) => n);
    await Promise.all(fields.map((n) => both()[n % 2]?.records.write([merge(n)])));
    const row = await it.primary.records.get({ entity: 'profile', id: 'merged' });
    expect(row?.profile).toEqual(Object.fromEntries(fields.map((n) => [`f${n}`, n])));
    expect(await other.records.versions([{ entity: 'profile', id: 'merged' }])).toEqual([60]);
  });

  test('that expect the same version: one gets it', async () => {
    await write(conversation('guarded'));
    for (let version = 1; version <= 10; version++) {
      const units = both().map((primary, n) =>
        primary.records.writeEach([[set('guarded', `${version}-${n}`, version)]]),
      );
      const results = (await Promise.all(units)).flat();
      expect(results.map((result) => (result.ok ? 'ok' : result.code)).sort()).toEqual(['conflict', 'ok']);
    }
  });

  test('that ensure the same record: one inserts it, the other finds it', async () => {
    for (let n = 0; n < 10; n++) {
      const ensure = { ...conversation(`ensured${n}`), op: 'ensure' } as Mutation;
      const results = (await Promise.all(both().map((primary) => primary.records.write([ensure])))).flat();
      expect(results.map((result) => result.change).sort()).toEqual(['inserted', 'unchanged']);
      expect(results.map((result) => result.version)).toEqual([1, 1]);
    }
  });

  test('that ask for the lease: one gets it', async () => {
    for (let n = 0; n < 10; n++) {
      const held = await Promise.all(
        both().map((primary, index) => primary.ledger.lease(`holder${index}`, 60_000).catch(() => false)),
      );
      expect(held.filter(Boolean)).toHaveLength(1);
      await Promise.all(both().map((primary, index) => primary.ledger.releaseLease(`holder${index}`)));
    }
  });

  test('of which one erases a user: nothing that the other writes at the same time is left', async () => {
    for (let n = 0; n < 5; n++) {
      const owner = `erased${n}`;
      const units = Array.from({ length: 40 }, (_, c) => [conversation(`er${n}-${c}`, { user_id: owner })]);
      const writing = Promise.all(units.map((unit) => other.records.writeEach([unit])));
      await it.primary.ledger.beginErasure(owner);
      await it.primary.ledger.deleteUser(owner);
      await writing;
      expect(await it.primary.ledger.keysOfUser(owner)).toEqual([]);
    }
  });

  test('that start at once make everything once', async () => {
    const fresh = await startPrimary();
    await fresh.raw.exec('DROP TRIGGER _ledger_user_after_insert; DROP TRIGGER _ledger_profile_after_delete');
    const starting = await Promise.all([1, 2, 3].map(() => openPrimary(fresh.location)));
    await Promise.all(starting.map((primary) => primary.migrate()));
    expect((await ledgerOf(fresh.raw, 'user')).get('admin_001')).toEqual({ version: 2, pending: true });
    for (const primary of starting) await primary.close();
    await fresh.end();
  });
});

describe('someone in a shell', () => {
  test('who deadlocks with a unit does not make it fail', async () => {
    await write(conversation('da'), conversation('db'));
    await it.raw.exec("BEGIN; UPDATE ai_conversations SET user_input = 'raw' WHERE id = 'db'");
    const unit = write(set('da', 'unit'), set('db', 'unit'));
    await until(async () => (await waiting()) > 0, 10_000, 'the unit waits for the row');
    // Whichever of the two the server picks is undone whole; the unit tries again.
    const typed = it.raw
      .exec("UPDATE ai_conversations SET user_input = 'raw' WHERE id = 'da'; COMMIT")
      .catch(() => undefined);
    expect(await unit).toMatchObject([{ change: 'updated' }, { change: 'updated' }]);
    await typed;
    await it.raw.exec('ROLLBACK');
  });

  /** Transactions that wait for a lock. InnoDB lists them from a copy that it makes anew only after 100 ms without a look. */
  async function waiting(): Promise<number> {
    const raw = await it.connect();
    await pause(150);
    const rows = await raw.all("SELECT * FROM information_schema.INNODB_TRX WHERE trx_state = 'LOCK WAIT'");
    await raw.close();
    return rows.length;
  }

  test('who keeps a row locked holds up that row alone', async () => {
    await write(conversation('locked'));
    await it.raw.exec("BEGIN; UPDATE ai_conversations SET user_input = 'raw' WHERE id = 'locked'");
    const results = await it.primary.records.writeEach([
      [conversation('free1')],
      [set('locked', 'unit')],
      [conversation('free2')],
    ]);
    await it.raw.exec('ROLLBACK');
    expect(results).toMatchObject([{ ok: true }, { ok: false, code: 'store_unavailable' }, { ok: true }]);
    expect(await write(set('locked', 'later'))).toMatchObject([{ change: 'updated' }]);
  });

  test('who ends all connections is not noticed', async () => {
    await it.primary.records.get({ entity: 'user', id: 'admin_001' });
    const account = new URL(it.location.kind === 'mysql' ? it.location.url : '').username;
    const threads = await it.raw.all(`SELECT ID FROM information_schema.PROCESSLIST WHERE USER = '${account}'`);
    for (const { ID } of threads) await it.raw.exec(`KILL ${ID}`);
    const again = async () => {
      await it.primary.records.get({ entity: 'user', id: 'admin_001' });
      await it.primary.ledger.pending(10, 1e9);
      return (await write(set('locked', `after ${Math.random()}`))).length === 1;
    };
    expect(await until(() => again().catch(() => false))).toBe(true);
  });

  test('who deletes by a cascade is not captured: so there must be none', async () => {
    const fresh = await startPrimary();
    await fresh.primary.records.write([user('child', { username: 'parent' })]);
    expect(await fresh.primary.weakSettings()).toEqual([]);
    await fresh.raw.exec(`CREATE TABLE parents (id VARCHAR(100) PRIMARY KEY); INSERT INTO parents SELECT username FROM users;
      ALTER TABLE users ADD CONSTRAINT fk FOREIGN KEY (username) REFERENCES parents (id) ON DELETE CASCADE`);
    await clearAll(fresh);
    await fresh.raw.exec("DELETE FROM parents WHERE id = 'parent'");
    expect(await fresh.primary.records.get({ entity: 'user', id: 'child' })).toBeNull();
    expect((await ledgerOf(fresh.raw, 'user')).get('child')).toEqual({ version: 1, pending: false });
    expect(await fresh.primary.weakSettings()).toEqual([expect.stringMatching(/users has the foreign key fk/)]);
    await fresh.end();
  });

  test("with the service's account can't TRUNCATE", async () => {
    const account = await connect(it.location.kind === 'mysql' ? it.location.url : '');
    await expect(account.exec('TRUNCATE users')).rejects.toThrow(/DROP command denied/);
    await account.close();
  });
});

describe('values', () => {
  const get = (id: string) => it.primary.records.get({ entity: 'conversation', id });

  test('come back as they were written', async () => {
    const text = `a\\b'c"d\`e%_\n\t${'\u0000'}é中😀 `;
    const context = { z: 1, a: [1e21, 0.1, 1.5e-7], deep: JSON.parse(`${'['.repeat(60)}${']'.repeat(60)}`) };
    await write(conversation('values', { user_input: text, context, created_at: '2026-03-29T01:30:00.000001Z' }));
    expect(await get('values')).toMatchObject({ user_input: text, context, created_at: '2026-03-29T01:30:00.000001Z' });
    const [typed] = await it.raw.all("SELECT context, created_at FROM ai_conversations WHERE id = 'values'");
    expect(typed).toEqual({ context: JSON.stringify(context), created_at: '2026-03-29 01:30:00.000001' });
    const found = await it.primary.records.find({
      entity: 'conversation',
      where: { created_at: '2026-03-29T01:30:00.000001Z' },
      limit: 2,
    });
    expect(found).toHaveLength(1);
  });

  test.each(['2026-01-01T00:00:00.000000Z', '1000-01-01T00:00:00.000000Z', '9999-12-31T23:59:59.999999Z'])(
    'at %s',
    async (created_at) => {
      await write(conversation(`at${created_at}`, { created_at }));
      expect(await get(`at${created_at}`)).toMatchObject({ created_at });
    },
  );

  test('typed in another time zone are marked and timed in UTC', async () => {
    await it.raw.exec("SET time_zone = '+08:00'");
    await it.raw.exec("INSERT INTO role_permissions (role_name, permission_code) VALUES ('guest', 'zoned')");
    const [row] = await it.primary.records.find({
      entity: 'role_permission',
      where: { permission_code: 'zoned' },
      limit: 1,
    });
    const key = { entity: 'role_permission', id: String(row?.id) } as const;
    const [line] = await it.primary.ledger.read([key]);
    const now = await it.primary.ledger.now();
    for (const millis of [Date.parse(String(row?.created_at)), line?.pendingSince ?? 0]) {
      expect(Math.abs(now - millis)).toBeLessThan(60_000);
    }
  });

  test('in 64 bits and with all digits', async () => {
    await it.raw.exec(`INSERT INTO ai_analysis_results (id, user_id, analysis_type, input_content, analysis_result,
      confidence_score, processing_time) VALUES ('big', 'u1', 't', 'i', '{"n": 9007199254740993}', 0.1, 9223372036854775807)`);
    expect(await it.primary.records.get({ entity: 'analysis', id: 'big' })).toMatchObject({
      analysis_result: { n: '9007199254740993' },
      confidence_score: 0.1,
      processing_time: '9223372036854775807',
    });
  });

  test('that no packet holds are refused, and only they', async () => {
    const huge = '中'.repeat(2_000_000);
    const emoji = '😀'.repeat(2_000_000);
    const results = await it.primary.records.writeEach([
      [conversation('fits', { user_input: huge, ai_response: huge })],
      [conversation('small')],
      [conversation('huge', { user_input: emoji, ai_response: emoji, context: { a: '😀'.repeat(900_000) } })],
    ]);
    const [packet] = await it.raw.all('SELECT @@max_allowed_packet AS bytes');
    const last = Number(packet?.bytes) > 20_000_000 ? { ok: true } : { ok: false, code: 'invalid_request' };
    expect(results).toMatchObject([{ ok: true }, { ok: true }, last]);
    expect(await get('fits')).toMatchObject({ ai_response: huge });
  });
});

describe('a start that died', () => {
  test('between its triggers and its marks is made good by the next one', async () => {
    const fresh = await startPrimary();
    await clearAll(fresh);
    await fresh.raw.exec("INSERT INTO _meta (name, value) VALUES ('mend:user', '')");
    await fresh.primary.migrate();
    expect((await ledgerOf(fresh.raw, 'user')).get('admin_001')).toEqual({ version: 2, pending: true });
    await fresh.primary.migrate();
    expect((await ledgerOf(fresh.raw, 'user')).get('admin_001')).toEqual({ version: 2, pending: true });
    await fresh.end();
  });

  test('in the middle of a migration goes on where it was', async () => {
    const fresh = await startPrimary();
    await fresh.raw.exec('DELETE FROM _migrations; DROP TABLE companies; DROP TABLE _parked');
    await fresh.primary.migrate();
    expect(await fresh.primary.records.find({ entity: 'user', limit: 10 })).toHaveLength(2);
    expect(await fresh.primary.ledger.parked({ store: null, entity: null, limit: 1 })).toEqual([]);
    await fresh.end();
  });
});
