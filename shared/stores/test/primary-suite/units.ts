/** Units of work, reads and the ledger, in one thread. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Row } from '@mindora/contracts';
import { openPrimary } from '../../src/primary/index.ts';
import type { Mutation } from '../../src/primary/port.ts';
import { holdsBytes } from './bytes.ts';
import { clearAll, conversation, startPrimary, type TestPrimary, user, world } from './world.ts';

let it: TestPrimary;
beforeAll(async () => {
  it = await startPrimary();
});
afterAll(() => it.end());

const write = (...unit: Mutation[]) => it.primary.records.write(unit);
const update = (id: string, set: Row, more: { owner?: string; version?: number } = {}): Mutation => ({
  op: 'update',
  entity: 'conversation',
  id,
  set,
  ...more,
});

describe('first data (A2.1, A2.13)', () => {
  test('is there once, and stays away when it was deleted', async () => {
    const { location, remove } = await world().newPlace();
    const primary = await openPrimary(location);
    await primary.migrate();
    const admins = await primary.records.find({ entity: 'user', limit: 10, secrets: true });
    expect(admins).toEqual([
      expect.objectContaining({
        user_id: 'admin_001',
        email: 'admin@ai-system.com',
        role: 'admin',
        password_hash: null,
      }),
      expect.objectContaining({ user_id: 'system_001', email: 'system@ai-system.com', role: 'admin' }),
    ]);
    const rights = await primary.records.find({ entity: 'role_permission', limit: 20 });
    expect(rights.map((row) => `${row.role_name}:${row.permission_code}`).sort()).toEqual([
      'admin:ai_access',
      'admin:data_analyze',
      'admin:system_config',
      'admin:user_manage',
      'user:ai_access',
      'user:data_analyze',
    ]);
    expect(await primary.records.get({ entity: 'system_config', id: 'max_concurrent_users' })).toMatchObject({
      config_value: '1000',
      config_type: 'number',
      is_active: true,
    });
    await primary.records.write([{ op: 'delete', entity: 'system_config', id: 'system_name' }]);
    await primary.close();
    const again = await openPrimary(location);
    await again.migrate();
    expect(await again.records.get({ entity: 'system_config', id: 'system_name' })).toBeNull();
    await again.close();
    await remove();
  });
});

describe('a unit of work', () => {
  test('inserts with defaults and managed columns, and answers the row and its version', async () => {
    const row = {
      user_id: 'u1',
      transaction_type: 'income',
      amount: '9999999999999.99',
      transaction_date: '2026-02-28',
    };
    const [written] = await write({ op: 'insert', entity: 'financial_record', row });
    expect(written).toMatchObject({
      version: 1,
      change: 'inserted',
      row: { ...row, currency: 'CNY', description: null },
    });
    expect(written?.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    const stored = await it.primary.records.get({ entity: 'financial_record', id: written?.id ?? '' });
    expect(stored).toEqual(written?.row);
    expect(stored?.created_at).toMatch(/\.\d{6}Z$/);
  });

  test('is undone whole', async () => {
    await expect(write(conversation('undone'), update('missing', {}))).rejects.toMatchObject({ code: 'not_found' });
    expect(await it.primary.records.get({ entity: 'conversation', id: 'undone' })).toBeNull();
    expect(await it.primary.records.versions([{ entity: 'conversation', id: 'undone' }])).toEqual([0]);
  });

  test('keeps secrets to those who ask', async () => {
    const [written] = await write(user('secretive', { password_hash: 'hash' }));
    expect(written?.row).not.toHaveProperty('password_hash');
    const key = { entity: 'user', id: 'secretive' } as const;
    expect(await it.primary.records.get(key)).not.toHaveProperty('password_hash');
    expect(await it.primary.records.get(key, { secrets: true })).toMatchObject({ password_hash: 'hash' });
    const search = it.primary.records.find({ entity: 'user', where: { password_hash: 'hash' }, limit: 1 });
    await expect(search).rejects.toMatchObject({ code: 'invalid_request' });
  });

  test('tells a conflict and its field', async () => {
    await write(user('one', { email: 'same@example.com' }));
    const second = write(user('two', { email: 'same@example.com' }));
    await expect(second).rejects.toMatchObject({ code: 'conflict', data: { fields: ['email'] } });
    await expect(write(user('one'))).rejects.toMatchObject({ code: 'conflict', data: { fields: ['user_id'] } });
  });

  test('ensures a record', async () => {
    const ensure = (more: Row = {}): Mutation => ({ ...conversation('ensured', more), op: 'ensure' }) as Mutation;
    expect(await write(ensure())).toMatchObject([{ change: 'inserted', version: 1 }]);
    expect(await write(ensure())).toMatchObject([{ change: 'unchanged', version: 1, row: { ai_response: 'hi' } }]);
    await expect(write(ensure({ ai_response: 'other' }))).rejects.toMatchObject({ code: 'conflict' });
  });

  test('updates what differs, with guards', async () => {
    const [made] = await write(conversation('updated', { context: { b: [1, '2'], a: null } }));
    const same = await write(update('updated', { user_input: 'hello', context: { a: null, b: [1, '2'] } }));
    expect(same).toMatchObject([{ change: 'unchanged', version: 1, row: made?.row }]);
    const [changed] = await write(update('updated', { user_input: 'bye' }, { owner: 'u1', version: 1 }));
    expect(changed).toMatchObject({ change: 'updated', version: 2, row: { user_input: 'bye', session_id: 's1' } });
    expect(String(changed?.row?.updated_at) > String(made?.row?.updated_at)).toBe(true);
    await expect(write(update('updated', {}, { version: 1 }))).rejects.toMatchObject({ code: 'conflict' });
    await expect(write(update('updated', {}, { owner: 'u2' }))).rejects.toMatchObject({ code: 'not_found' });
    await expect(write(update('updated', { user_id: 'u2' }))).rejects.toMatchObject({ code: 'invalid_request' });
    await expect(write(update('updated', { id: 'x' }))).rejects.toMatchObject({ code: 'invalid_request' });
  });

  test('merges JSON fields', async () => {
    const merge = (fields: Row): Mutation => ({
      op: 'merge',
      entity: 'profile',
      id: 'merger',
      column: 'profile',
      fields,
      otherwise: { user_id: 'merger' },
    });
    expect(await write(merge({ a: 1, b: { c: 2 } }))).toMatchObject([{ change: 'inserted', version: 1 }]);
    const [merged] = await write(merge({ b: null, d: 'x' }));
    expect(merged).toMatchObject({ change: 'updated', version: 2, row: { profile: { a: 1, b: null, d: 'x' } } });
    expect(await write(merge({ d: 'x' }))).toMatchObject([{ change: 'unchanged', version: 2 }]);
  });

  test('deletes, and a version goes on counting', async () => {
    await write(conversation('again'));
    const remove: Mutation = { op: 'delete', entity: 'conversation', id: 'again' };
    expect(await write({ ...remove, version: 1 })).toMatchObject([{ change: 'deleted', version: 2, row: null }]);
    await expect(write(remove)).rejects.toMatchObject({ code: 'not_found' });
    expect(await write(conversation('again'))).toMatchObject([{ change: 'inserted', version: 3 }]);
  });

  const refused: [string, Row, string][] = [
    ['an unknown field', { nonsense: 1 }, 'nonsense'],
    ['a field of the prototype', { constructor: 'x' }, 'constructor'],
    ['a number for a string', { session_id: 5 }, 'session_id'],
    ['a long string', { model_name: 'm'.repeat(51) }, 'model_name'],
    ['an empty key', { id: '' }, 'id'],
    ['a text without end', { user_input: 'x'.repeat(2_000_001) }, 'user_input'],
    ['JSON without end', { context: { a: 'x'.repeat(2_000_001) } }, 'context'],
    ['JSON that is nested too deep', { context: JSON.parse(`${'['.repeat(102)}${']'.repeat(102)}`) }, 'context'],
    ['a NUL in a name', { session_id: 'a\0b' }, 'session_id'],
    ['half a character', { user_input: '\ud800' }, 'user_input'],
    ['half a character in JSON', { context: { a: ['\ud800'] } }, 'context'],
    ['null where a value is needed', { user_input: null }, 'user_input'],
    ['a day that is none', { created_at: '2026-02-30T00:00:00Z' }, 'created_at'],
    ['a leap day in a common year', { created_at: '2100-02-29T00:00:00Z' }, 'created_at'],
    ['an hour that is none', { created_at: '2026-02-03T24:00:00Z' }, 'created_at'],
    ['a time elsewhere', { created_at: '2026-02-03T04:05:06+08:00' }, 'created_at'],
  ];
  test.each(refused)('refuses %s', async (_what, more, field) => {
    await expect(write(conversation('refused', more))).rejects.toMatchObject({
      code: 'invalid_request',
      data: { fields: [field] },
    });
  });

  const amounts: [unknown, string | null][] = [
    ['12.50', '12.50'],
    ['12.5', '12.50'],
    ['-0.00', '0.00'],
    ['0012', '12.00'],
    [12.5, '12.50'],
    ['0.10', '0.10'],
    ['12.345', null],
    ['10000000000000', null],
    ['1e3', null],
    ['abc', null],
  ];
  test.each(amounts)('takes the amount %j as %j', async (amount, expected) => {
    const row = { user_id: 'u1', transaction_type: 'income', amount: amount as string, transaction_date: '2026-01-01' };
    const outcome = write({ op: 'insert', entity: 'financial_record', row });
    if (expected === null) await expect(outcome).rejects.toMatchObject({ data: { fields: ['amount'] } });
    else expect((await outcome)[0]?.row).toMatchObject({ amount: expected });
  });

  test('takes texts with NUL, emoji at the limit, and JSON as it is', async () => {
    const context = { deep: [{ n: 1.5, t: true }], big: '9007199254740993', zero: '\0' };
    const [written] = await write(conversation('odd', { user_input: 'a\0b', model_name: '😀'.repeat(50), context }));
    expect(await it.primary.records.get({ entity: 'conversation', id: 'odd' })).toEqual(written?.row);
    expect(written?.row).toMatchObject({ user_input: 'a\0b', context });
  });

  test('answers several units each by itself', async () => {
    const results = await it.primary.records.writeEach([
      [conversation('each1')],
      [conversation('each1')],
      [conversation('each2')],
    ]);
    expect(results).toMatchObject([{ ok: true }, { ok: false, code: 'conflict' }, { ok: true }]);
  });

  test('answers many inserts each by itself, where some are refused and one was there before', async () => {
    const { records, ledger } = it.primary;
    await write(conversation('many-7'));
    await write({ op: 'delete', entity: 'conversation', id: 'many-7' });
    await write(conversation('many-20'));
    await ledger.beginErasure('many-erased');
    const units = Array.from({ length: 40 }, (_, n) => {
      if (n === 30) return [conversation('many-30', { user_id: 'many-erased' })];
      return [n === 35 ? user('many-35') : conversation(`many-${n}`)];
    });
    const results = await records.writeEach(units);
    const answers = results.map((result) => (result.ok ? result.written[0]?.version : result.code));
    const wanted = units.map((_, n) => ({ 7: 3, 20: 'conflict', 30: 'user_erased' })[n] ?? 1);
    expect(answers).toEqual(wanted);
    for (const [n, result] of results.entries()) {
      const entity = n === 35 ? 'user' : 'conversation';
      const id = result.ok ? String(result.written[0]?.id) : '';
      if (result.ok) expect(result.written[0]?.row).toEqual(await records.get({ entity, id }));
    }
    expect(await records.get({ entity: 'conversation', id: 'many-30' })).toBeNull();
    await ledger.endErasure('many-erased');
  });

  test('ensures many records each by itself, where some are there, or are to be erased', async () => {
    const { records, ledger } = it.primary;
    const ensure = (id: string, fields: Row = {}) => ({ ...conversation(id, fields), op: 'ensure' }) as Mutation;
    await write(conversation('sure-7'));
    await write({ op: 'delete', entity: 'conversation', id: 'sure-7' });
    await write(conversation('sure-20'), conversation('sure-21', { user_input: 'other' }));
    await ledger.beginErasure('sure-erased');
    const ensureAll = async () => {
      const units = Array.from({ length: 40 }, (_, n) => {
        return [ensure(`sure-${n}`, n === 30 ? { user_id: 'sure-erased' } : {})];
      });
      const results = await records.writeEach(units);
      return results.map((result) => (result.ok ? result.written[0] : { change: result.code }));
    };
    const first = await ensureAll();
    const exceptions: Record<number, string> = { 20: 'unchanged', 21: 'conflict', 30: 'user_erased' };
    expect(first.map((one) => one?.change)).toEqual(first.map((_, n) => exceptions[n] ?? 'inserted'));
    expect(first[7]).toMatchObject({ version: 3 });
    const again = await ensureAll();
    expect(again.map((one) => one?.change)).toEqual(
      first.map((_, n) => (n > 20 ? exceptions[n] : null) ?? 'unchanged'),
    );
    await ledger.endErasure('sure-erased');
  });
});

describe('the ledger', () => {
  const keyOrder = ['A', 'Z', 'a', 'é', '中', '\uffee', '😀'];

  test('scans by id as bytes, with deleted records', async () => {
    for (const id of [...keyOrder].reverse()) await write(user(`scan-${id}`));
    await write({ op: 'delete', entity: 'user', id: 'scan-a' });
    const first = await it.primary.ledger.scan('user', 'scan-', 3);
    const rest = await it.primary.ledger.scan('user', first.at(-1)?.id ?? null, 100);
    const ids = [...first, ...rest].map((record) => record.id).filter((id) => id.startsWith('scan-'));
    expect(ids).toEqual(keyOrder.map((id) => `scan-${id}`));
    expect(first[2]).toMatchObject({ id: 'scan-a', version: 2, present: false, row: null });
    expect(first[0]).toMatchObject({ present: true, row: { user_id: 'scan-A', username: 'scan-A' } });
    expect(first[0]?.row).not.toHaveProperty('password_hash');
    const versions = await it.primary.ledger.scanVersions('user', 'scan-', 3);
    expect(versions).toEqual(first.map((record) => ({ ...record, row: null })));
  });

  test('gives what is pending, oldest first, within limit and bytes', async () => {
    await clearAll(it);
    const big = 'x'.repeat(10_000);
    await write(conversation('p2', { user_input: big }));
    await write(conversation('p1', { user_input: big }));
    await write({ op: 'delete', entity: 'conversation', id: 'p1' }, conversation('p0', { user_input: big }));
    const all = await it.primary.ledger.pending(10, 1e9);
    expect(all.map((record) => [record.id, record.version, record.present]).sort()).toEqual([
      ['p0', 1, true],
      ['p1', 2, false],
      ['p2', 1, true],
    ]);
    expect(all.map((record) => record.pendingSince)).toEqual(all.map((record) => record.pendingSince).sort());
    expect(await it.primary.ledger.pending(2, 1e9)).toEqual(all.slice(0, 2));
    expect(await it.primary.ledger.pending(10, 1)).toEqual(all.slice(0, 1));
    expect(
      await it.primary.ledger.read([
        { entity: 'conversation', id: 'p0' },
        { entity: 'user', id: 'p9' },
      ]),
    ).toEqual([all.find((record) => record.id === 'p0'), null]);
  });

  test('clears only the mark that was read', async () => {
    await write(conversation('race'));
    await clearAll(it);
    await write(update('race', { user_input: '2' }));
    const read = await it.primary.ledger.pending(10, 1e9);
    await it.primary.ledger.touch([{ entity: 'conversation', id: 'race', stores: ['cache'] }]);
    await it.primary.ledger.clear(read);
    const [still] = await it.primary.ledger.pending(10, 1e9);
    expect(still).toMatchObject({ id: 'race', version: 2, stores: null });
    await it.primary.ledger.clear(still === undefined ? [] : [still]);
    expect(await it.primary.ledger.pending(10, 1e9)).toEqual([]);
  });

  test('touches for some stores or all, above a version, and unknown records', async () => {
    await write(conversation('touched'));
    await clearAll(it);
    const key = { entity: 'conversation', id: 'touched' } as const;
    const now = async () => (await it.primary.ledger.read([key]))[0];
    await it.primary.ledger.touch([{ ...key, stores: ['vectors'] }]);
    expect(await now()).toMatchObject({ version: 1, stores: ['vectors'] });
    await it.primary.ledger.touch([{ ...key, stores: ['cache'] }]);
    expect(await now()).toMatchObject({ version: 1, stores: ['cache', 'vectors'] });
    await it.primary.ledger.touch([{ ...key, stores: null }]);
    expect(await now()).toMatchObject({ version: 2, stores: null });
    await clearAll(it);
    await it.primary.ledger.touch([{ ...key, stores: ['cache'], above: 10 }]);
    expect(await now()).toMatchObject({ version: 11, stores: null });
    await it.primary.ledger.touch([{ ...key, stores: null, above: 3 }]);
    expect(await now()).toMatchObject({ version: 12 });
    const extra = { entity: 'conversation', id: 'extra' } as const;
    await it.primary.ledger.touch([{ ...extra, stores: ['graph'], above: 4 }]);
    expect(await it.primary.ledger.read([extra])).toMatchObject([{ version: 5, present: false, row: null }]);
    await clearAll(it);
    const count = await it.primary.ledger.touchAll('conversation', ['graph']);
    const pending = await it.primary.ledger.pending(1000, 1e9);
    expect(pending).toHaveLength(count);
    expect(pending.every((record) => record.stores?.join() === 'graph')).toBe(true);
  });

  test('adopts rows without a line', async () => {
    await write(conversation('unlisted'));
    await it.raw.exec("DELETE FROM _ledger WHERE id = 'unlisted'");
    expect(await it.primary.ledger.adoptUnlisted()).toBe(1);
    expect(await it.primary.ledger.read([{ entity: 'conversation', id: 'unlisted' }])).toMatchObject([{ version: 1 }]);
  });

  test('leases to one holder', async () => {
    expect(await it.primary.ledger.lease('a', 60_000)).toBe(true);
    expect(await it.primary.ledger.lease('b', 60_000)).toBe(false);
    expect(await it.primary.ledger.lease('a', 0)).toBe(true);
    expect(await it.primary.ledger.lease('b', 60_000)).toBe(true);
    await it.primary.ledger.releaseLease('a');
    expect(await it.primary.ledger.lease('a', 1)).toBe(false);
    await it.primary.ledger.releaseLease('b');
  });

  test('parks and forgets', async () => {
    const record = { store: 'graph', entity: 'conversation', id: 'bad', version: 2, reason: 'too odd' } as const;
    await it.primary.ledger.park([record]);
    await it.primary.ledger.park([{ ...record, version: 3 }]);
    const filter = { store: 'graph', entity: null, limit: 10 } as const;
    expect(await it.primary.ledger.parked(filter)).toMatchObject([{ ...record, version: 3, attempts: 2 }]);
    await it.primary.ledger.unpark('graph', [record]);
    expect(await it.primary.ledger.parked(filter)).toHaveLength(1);
    await it.primary.ledger.unpark('graph', [{ ...record, version: 3 }]);
    expect(await it.primary.ledger.parked({ store: null, entity: null, limit: 10 })).toEqual([]);
  });

  test('keeps embeddings while a record uses them', async () => {
    await write(conversation('e1'), conversation('e2'));
    const row = (id: string) => ({ id, model: 'lexical', dimensions: 1, vector: 'AACAPw==' });
    const use = (id: string, embeddingId: string | null, version = 1) =>
      ({ entity: 'conversation', id, version, embeddingId }) as const;
    const { ledger } = it.primary;
    await ledger.assignEmbeddings([row('v1'), row('v2')], [use('e1', 'v1'), use('e2', 'v1'), use('e2', 'v2', 7)]);
    expect([...(await ledger.embeddings(['v1', 'v2'])).keys()]).toEqual(['v1']);
    await ledger.assignEmbeddings([row('v3')], [use('e1', 'v3')]);
    expect((await ledger.embeddings(['v1', 'v3'])).get('v3')).toEqual(row('v3'));
    await ledger.assignEmbeddings([], [use('e2', null)]);
    expect([...(await ledger.embeddings(['v1', 'v3'])).keys()]).toEqual(['v3']);
    await it.raw.exec("DELETE FROM _embedding_refs WHERE record_id = 'e1'");
    expect(await ledger.orphanEmbeddings(10)).toEqual(['v3']);
    await ledger.deleteEmbeddings(['v3']);
    expect(await ledger.orphanEmbeddings(10)).toEqual([]);
  });
});

test('API keys are found by hash and revoked once', async () => {
  const { records } = it.primary;
  const key = {
    id: 'k1',
    hash: 'f'.repeat(64),
    user_id: 'u1',
    name: 'cli',
    created_at: '2026-01-02T03:04:05.000000Z',
    revoked_at: null,
  };
  await records.addApiKey(key);
  await expect(records.addApiKey({ ...key, id: 'k2' })).rejects.toMatchObject({ code: 'conflict' });
  expect(await records.apiKey(key.hash)).toEqual(key);
  expect(await records.apiKeys('u1')).toEqual([key]);
  expect(await records.revokeApiKey('k1')).toBe(true);
  expect(await records.revokeApiKey('k1')).toBe(false);
  expect((await records.apiKeys(null))[0]?.revoked_at).toMatch(/Z$/);
});

describe('erasure (A4.7)', () => {
  const mark = 'unmistakable-content-of-the-erased';

  test('deletes all of a user, refuses new writes and leaves no byte', async () => {
    const { records, ledger } = it.primary;
    const mine = { user_id: 'gone', user_input: `${mark} ${'long '.repeat(2000)}` };
    await write(user('gone'), conversation('g1', mine), conversation('g2', mine));
    await write({ op: 'insert', entity: 'profile', row: { user_id: 'gone', profile: { about: mark } } });
    await records.addApiKey({
      id: 'kg',
      hash: 'a'.repeat(64),
      user_id: 'gone',
      name: mark,
      created_at: '2026-01-02T03:04:05.000000Z',
      revoked_at: null,
    });
    const vector = { id: 'vg', model: 'lexical', dimensions: 1, vector: mark };
    await ledger.assignEmbeddings([vector], [{ entity: 'conversation', id: 'g1', version: 1, embeddingId: 'vg' }]);
    await it.raw.exec(`UPDATE ai_conversations SET ai_response = '${mark}' WHERE id = 'g2'`);
    expect(holdsBytes(it, mark)).not.toBe(false);
    const keys = await ledger.keysOfUser('gone');
    expect(keys.map((key) => key.id)).toEqual(['gone', 'g1', 'g2', 'gone']);
    await ledger.beginErasure('gone');
    expect(await ledger.deleteUser('gone')).toEqual([...keys, { entity: 'embedding', id: 'vg' }]);
    const refused: Mutation[] = [
      conversation('g3', mine),
      user('gone'),
      { ...conversation('g3', mine), op: 'ensure' } as Mutation,
    ];
    for (const mutation of refused) await expect(write(mutation)).rejects.toMatchObject({ code: 'user_erased' });
    const merge = { op: 'merge', entity: 'profile', id: 'gone', column: 'profile', fields: {}, otherwise: {} } as const;
    await expect(write(merge)).rejects.toMatchObject({ code: 'user_erased' });
    expect(await records.apiKeys('gone')).toEqual([]);
    await ledger.scrub();
    expect(holdsBytes(it, mark)).not.toBe(true);
    expect(await ledger.read(keys)).toMatchObject(keys.map(() => ({ present: false, row: null })));
    await ledger.endErasure('gone');
    const erasures = (await ledger.erasures()).filter(({ userId }) => userId === 'gone');
    expect(erasures).toMatchObject([{ endedAt: expect.stringMatching(/Z$/) }]);
    await expect(write(user('gone'))).rejects.toMatchObject({ code: 'user_erased' });
  });
});
