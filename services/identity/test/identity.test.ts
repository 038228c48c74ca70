import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ErasureCertificate, Row } from '@mindora/contracts';
import { createPasswords, hashApiKey, systemClock, systemRandom } from '@mindora/runtime';
import { type DocumentStore, openPrimary, type PersonalStore, type Primary } from '@mindora/stores';
import { createStore } from '@mindora/stores/create';
import {
  fill,
  principalOf,
  type StartedServices,
  startServices,
  type TemporaryDirectory,
  temporaryDirectory,
} from '@mindora/testing';
import { createIdentityService } from '../src/index.ts';

const passwords = createPasswords({ cost: { costLog2: 4, blockSize: 8, parallelism: 1 } });
const password = 'correct horse battery';

let directory: TemporaryDirectory;
let primary: Primary;
let services: StartedServices;
let documents: DocumentStore;
let personal: PersonalStore;
let erased: string[];

function certificate(user_id: string): ErasureCertificate {
  return {
    version: 'future',
    user_id,
    erased_at: '2026-01-31T12:00:00.000000Z',
    resumed: false,
    records: {},
    stores: {},
    holders: {},
    files_scrubbed: [],
    what_expires: [],
    kept: [],
    ok: true,
  };
}

beforeEach(async () => {
  directory = await temporaryDirectory();
  primary = await openPrimary({ file: directory.file('primary.db') });
  await primary.migrate();
  documents = await createStore('documents', { directory: directory.path, dimensions: 4 });
  personal = await createStore('personal', { directory: directory.path, dimensions: 4 });
  erased = [];
  const service = createIdentityService({
    primary: primary.records,
    documents,
    personal,
    clock: systemClock(),
    random: systemRandom(),
    passwords,
    issueToken: async ({ userId, role }) => ({ token: `token of ${userId} as ${role}`, expiresIn: 3600 }),
    erase: async (userId) => {
      erased.push(userId);
      return certificate(userId);
    },
  });
  services = await startServices(service);
});

afterEach(async () => {
  await services.stop();
  await Promise.all([documents.close(), personal.close(), primary.close()]);
  await directory.remove();
});

async function addUser(user_id: string, fields: Row = {}): Promise<void> {
  const password_hash = await passwords.hash(password);
  const row = { user_id, username: user_id, email: `${user_id}@test`, password_hash, ...fields };
  await primary.records.write([{ op: 'insert', entity: 'user', row }]);
}

const setUser = (id: string, set: Row) => primary.records.write([{ op: 'update', entity: 'user', id, set }]);
const login = (name: string, secret = password) =>
  services.call('identity.login', { body: { login: name, password: secret } });

describe('profiles (A1.9)', () => {
  const merge = (body: object) => services.call('identity.mergeProfile', { params: { user_id: 'u1' }, body });

  test('fields are merged into the record, and made where it is missing', async () => {
    expect(await merge({ city: 'Kyoto', age: 30 })).toMatchObject({ success: true });
    await merge({ age: 31, langs: ['ja'] });
    const row = await primary.records.get({ entity: 'profile', id: 'u1' });
    expect(row).toMatchObject({ user_id: 'u1', profile: { city: 'Kyoto', age: 31, langs: ['ja'] } });
  });

  test('what was read may be sent back: the fields of the record itself are its own', async () => {
    await merge({ user_id: 'u1', created_at: 'x', updated_at: null, city: 'Oslo' });
    expect(await primary.records.get({ entity: 'profile', id: 'u1' })).toMatchObject({ profile: { city: 'Oslo' } });
    await expect(merge({ user_id: 'u2' })).rejects.toMatchObject({ code: 'invalid_request' });
  });

  test('are told flat from the document store, null where there is none', async () => {
    const times = { created_at: '2026-01-01T00:00:00.000000Z', updated_at: '2026-01-02T00:00:00.000000Z' };
    const forged = { city: 'Kyoto', user_id: 'forged', created_at: 'never' };
    await fill(documents, 'profile', [{ user_id: 'u1', profile: forged, ...times }]);
    const { profile } = await services.call('identity.profile', { params: { user_id: 'u1' } });
    expect(profile).toEqual({ user_id: 'u1', city: 'Kyoto', ...times });
    expect(await services.call('identity.profile', { params: { user_id: 'u2' } })).toMatchObject({ profile: null });
  });
});

describe('accounts (A1.10)', () => {
  test('are told without secrets, null where there is none', async () => {
    await addUser('u1');
    const { user_info } = await services.call('identity.user', { params: { user_id: 'u1' } });
    expect(user_info).toEqual({
      user_id: 'u1',
      username: 'u1',
      email: 'u1@test',
      role: 'user',
      status: 'active',
      created_at: expect.any(String),
      last_login: null,
    });
    expect(await services.call('identity.user', { params: { user_id: 'u2' } })).toMatchObject({ user_info: null });
  });

  test('a login is stamped; false where there is no such user', async () => {
    await addUser('u1');
    const stamp = (user_id: string) => services.call('identity.stampLogin', { params: { user_id } });
    expect(await stamp('u1')).toMatchObject({ success: true });
    const row = await primary.records.get({ entity: 'user', id: 'u1' });
    expect(row?.last_login).toMatch(/^\d{4}-\d\d-\d\dT.{15}Z$/);
    expect(await stamp('u2')).toMatchObject({ success: false });
  });

  test('what a private database holds is read there (A2.8)', async () => {
    const created_at = '2026-01-31T12:00:00.000000Z';
    const facts = {
      analysis_type: 'resume',
      input_content: 'x',
      analysis_result: {},
      created_at,
      updated_at: created_at,
    };
    await fill(personal, 'analysis', [{ id: 'a1', user_id: 'u1', ...facts }]);
    await fill(personal, 'analysis', [{ id: 'a2', user_id: 'u2', ...facts }]);
    const list = (collection: string) =>
      services.call('identity.personal', { params: { user_id: 'u1', collection }, as: principalOf('u1') });
    expect(await list('analyses')).toMatchObject({ items: [{ id: 'a1', user_id: 'u1', ...facts }], next: null });
    expect(await list('financial_records')).toMatchObject({ items: [] });
  });

  test('erasing answers with the certificate, but never removes the last active administrator (A4.7)', async () => {
    const erase = (user_id: string) => services.call('identity.erase', { params: { user_id } });
    expect(await erase('u1')).toMatchObject({ certificate: { user_id: 'u1', ok: true } });
    await setUser('system_001', { status: 'suspended' });
    await expect(erase('admin_001')).rejects.toMatchObject({ code: 'conflict' });
    await erase('system_001');
    expect(erased).toEqual(['u1', 'system_001']);
  });
});

test('of two administrators who are erased at once one stays', async () => {
  const erase = (user_id: string) => services.call('identity.erase', { params: { user_id } });
  const outcomes = await Promise.allSettled([erase('admin_001'), erase('system_001')]);
  expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  expect(erased).toHaveLength(1);
});

describe('logins (A2.1)', () => {
  test('by id, email or name', async () => {
    await addUser('u1', { username: 'ann' });
    for (const name of ['u1', 'u1@test', 'ann']) {
      const answer = await login(name);
      expect(answer).toMatchObject({ token: 'token of u1 as user', token_type: 'Bearer', expires_in: 3600 });
      expect(answer.user_info).toMatchObject({ user_id: 'u1' });
    }
  });

  test('a name that several have finds nobody, and an id goes before a name', async () => {
    await addUser('u1', { username: 'ann' });
    await addUser('u2', { username: 'ann' });
    await addUser('u3', { username: 'u1', password_hash: await passwords.hash('another password') });
    await expect(login('ann')).rejects.toMatchObject({ code: 'wrong_credentials' });
    expect((await login('u1')).user_info).toMatchObject({ user_id: 'u1' });
  });

  test('unknown, wrong, without password and not active are one error', async () => {
    await addUser('u1');
    await addUser('idle', { status: 'inactive' });
    await addUser('out', { status: 'suspended' });
    const refused = [login('u1', 'wrong password'), login('nobody'), login('admin_001'), login('idle'), login('out')];
    const errors = await Promise.all(
      refused.map((it) =>
        it.then(
          () => null,
          (error: Error) => error,
        ),
      ),
    );
    expect(errors).toEqual(errors.map(() => expect.objectContaining({ code: 'wrong_credentials' })));
    expect(new Set(errors.map((error) => error?.message)).size).toBe(1);
  });

  test('a hash of other costs is renewed', async () => {
    const older = createPasswords({ cost: { costLog2: 3, blockSize: 8, parallelism: 1 } });
    await addUser('u1', { password_hash: await older.hash(password) });
    await login('u1');
    const row = await primary.records.get({ entity: 'user', id: 'u1' }, { secrets: true });
    expect(passwords.outdated(String(row?.password_hash))).toBe(false);
    await login('u1');
  });

  test('whoami tells of the caller', async () => {
    const as = { userId: 'u1', role: 'user', permissions: ['ai_access'] } as const;
    const expected = { user_id: 'u1', role: 'user', permissions: ['ai_access'] };
    expect(await services.call('identity.whoami', { as })).toMatchObject(expected);
  });

  test('users set their password with the present one, administrators without', async () => {
    await addUser('u1');
    const set = (user_id: string, body: object, as = principalOf('u1')) =>
      services.call('identity.setPassword', { params: { user_id }, body, as });
    const next = 'a better password';
    await expect(set('u1', { password: next })).rejects.toMatchObject({ code: 'wrong_credentials' });
    const wrong = { password: next, current_password: 'wrong' };
    await expect(set('u1', wrong)).rejects.toMatchObject({ code: 'wrong_credentials' });
    await set('u1', { password: next, current_password: password });
    await login('u1', next);
    await expect(login('u1')).rejects.toMatchObject({ code: 'wrong_credentials' });
    const admin = principalOf('admin_001', 'admin');
    await set('admin_001', { password: next }, admin);
    expect((await login('admin', next)).token).toBe('token of admin_001 as admin');
    await expect(set('nobody', { password: next }, admin)).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('keys and principals (A2.1)', () => {
  const as = principalOf('u1');
  const create = async (request: object = {}) =>
    (await services.call('identity.createKey', { body: { name: 'laptop' }, as, ...request })) as {
      key: string;
      key_info: { id: string; user_id: string };
    };
  const authenticate = (key: string) => services.internal('identity.authenticateKey', { hash: hashApiKey(key) });
  const revoke = (key_id: string, who = as) => services.call('identity.revokeKey', { params: { key_id }, as: who });

  test('a key stands for its user, with the rights of its role now, until it is revoked', async () => {
    await addUser('u1');
    const { key, key_info } = await create();
    const principal = { userId: 'u1', role: 'user', permissions: ['ai_access', 'data_analyze'] };
    expect(await authenticate(key)).toEqual(principal);
    const set = { is_active: false };
    await primary.records.write([{ op: 'update', entity: 'permission', id: 'data_analyze', set }]);
    expect(await authenticate(key)).toEqual({ ...principal, permissions: ['ai_access'] });
    await revoke(key_info.id);
    expect(await authenticate(key)).toBeNull();
    expect(await authenticate('mk_nothing')).toBeNull();
    await expect(revoke(key_info.id)).rejects.toMatchObject({ code: 'not_found' });
  });

  test('who is not active is nobody', async () => {
    await addUser('u1');
    const { key } = await create();
    await setUser('u1', { status: 'suspended' });
    expect(await authenticate(key)).toBeNull();
    expect(await services.internal('identity.principal', { userId: 'u1' })).toBeNull();
    expect(await services.internal('identity.principal', { userId: 'nobody' })).toBeNull();
    expect(await services.internal('identity.principal', { userId: 'admin_001' })).toEqual({
      userId: 'admin_001',
      role: 'admin',
      permissions: ['ai_access', 'data_analyze', 'system_config', 'user_manage'],
    });
  });

  test('keys of another are neither seen nor ended; an administrator sees all, without values', async () => {
    await addUser('u1');
    await addUser('u2');
    const { key, key_info } = await create();
    const other = principalOf('u2');
    expect(await services.call('identity.keys', { as: other })).toMatchObject({ keys: [] });
    await expect(revoke(key_info.id, other)).rejects.toMatchObject({ code: 'not_found' });
    const admin = principalOf('admin_001', 'admin');
    const forUser = await create({ as: admin, body: { name: 'job', user_id: 'u2' } });
    expect(forUser.key_info.user_id).toBe('u2');
    const all = await services.call('identity.keys', { as: admin });
    expect(all.keys).toHaveLength(2);
    expect(JSON.stringify(all)).not.toContain(hashApiKey(key));
    await expect(create({ as: admin, body: { name: 'x', user_id: 'nobody' } })).rejects.toMatchObject({
      code: 'not_found',
    });
    await revoke(key_info.id, admin);
    expect((await services.call('identity.keys', { as })).keys).toEqual([]);
  });
});
