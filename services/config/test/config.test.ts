import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createPasswords, decryptSecret, systemClock, systemRandom } from '@mindora/runtime';
import { openPrimary, type Primary } from '@mindora/stores';
import {
  principalOf,
  type StartedServices,
  startServices,
  type TemporaryDirectory,
  temporaryDirectory,
} from '@mindora/testing';
import { createConfigService } from '../src/index.ts';

const masterKey = randomBytes(32);
const passwords = createPasswords({ cost: { costLog2: 4, blockSize: 8, parallelism: 1 } });

let directory: TemporaryDirectory;
let primary: Primary;
let services: StartedServices;
let now = 1_000_000;

beforeEach(async () => {
  directory = await temporaryDirectory();
  primary = await openPrimary({ file: directory.file('primary.db') });
  await primary.migrate();
  const clock = { ...systemClock(), now: () => now };
  const dependencies = { primary: primary.records, clock, random: systemRandom(), passwords, masterKey };
  services = await startServices(createConfigService(dependencies));
});

afterEach(async () => {
  await services.stop();
  await primary.close();
  await directory.remove();
});

const value = (config_key: string) => services.call('config.value', { params: { config_key } });
const change = (config_key: string, body: object) =>
  services.call('config.system_config.update', { params: { id: config_key }, body });

describe('settings', () => {
  test('only active values are told (A1.11)', async () => {
    expect(await value('system_name')).toMatchObject({ config_key: 'system_name', config_value: 'AI System' });
    expect(await value('default_language')).toMatchObject({ config_value: 'zh-CN' });
    await change('system_name', { is_active: false });
    expect(await value('system_name')).toMatchObject({ config_value: null });
    expect(await value('nothing')).toMatchObject({ config_key: 'nothing', config_value: null });
  });

  test('what acts on requests is typed, and follows changes through the service at once (A2.13)', async () => {
    const first = {
      system_name: 'AI System',
      maintenance_mode: false,
      ai_api_enabled: true,
      max_concurrent_users: 1000,
    };
    expect(await services.internal('config.runtime', {})).toEqual(first);
    await change('maintenance_mode', { config_value: 'true' });
    await change('max_concurrent_users', { is_active: false });
    expect(await services.internal('config.runtime', {})).toEqual({ ...first, maintenance_mode: true });
  });

  test('what somebody else changes is seen within a second, also where it is nonsense', async () => {
    await services.internal('config.runtime', {});
    const set = { config_value: 'soon' };
    await primary.records.write([{ op: 'update', entity: 'system_config', id: 'ai_api_enabled', set }]);
    await primary.records.write([
      { op: 'update', entity: 'system_config', id: 'system_name', set: { config_value: 'Other' } },
    ]);
    expect(await services.internal('config.runtime', {})).toMatchObject({ system_name: 'AI System' });
    now += 1000;
    expect(await services.internal('config.runtime', {})).toMatchObject({ system_name: 'Other', ai_api_enabled: true });
  });

  test.each([
    [{ config_key: 'a', config_value: 'many', config_type: 'number' }],
    [{ config_key: 'a', config_value: '0x10', config_type: 'number' }],
    [{ config_key: 'a', config_value: 'yes', config_type: 'boolean' }],
    [{ config_key: 'a', config_value: '{a:1}', config_type: 'json' }],
  ])('refuses a value that is not of its type: %j', async (body) => {
    await expect(services.call('config.system_config.create', { body })).rejects.toMatchObject({
      code: 'invalid_request',
    });
  });

  test('settings that act keep their type and their bounds', async () => {
    for (const body of [{ config_type: 'string' }, { config_value: '0' }, { config_value: '1.5' }]) {
      await expect(change('max_concurrent_users', body)).rejects.toMatchObject({ code: 'invalid_request' });
    }
    const body = { config_key: 'b', config_value: '{"a":[1]}', config_type: 'json' };
    expect(await services.call('config.system_config.create', { body })).toMatchObject({ id: 'b' });
  });
});

describe('plain CRUD', () => {
  test('pages in the order of the keys, and refuses a cursor that is none', async () => {
    const first = await services.call('config.system_config.list', { query: { limit: 3 } });
    expect(first.items).toHaveLength(3);
    const second = await services.call('config.system_config.list', { query: { limit: 3, cursor: first.next } });
    const keys = [...(first.items as object[]), ...(second.items as object[])].map(
      (item) => (item as { config_key: string }).config_key,
    );
    expect(keys).toEqual([
      'ai_api_enabled',
      'default_language',
      'maintenance_mode',
      'max_concurrent_users',
      'system_name',
    ]);
    expect(second.next).toBeNull();
    const wrong = services.call('config.system_config.list', { query: { cursor: 'k1.%' } });
    await expect(wrong).rejects.toMatchObject({ code: 'invalid_cursor' });
  });

  test('a record is made, read, changed and removed; amounts stay exact', async () => {
    const body = {
      user_id: 'u1',
      transaction_type: 'income',
      amount: '9999999999999.99',
      transaction_date: '2026-01-31',
    };
    const made = await services.call('config.financial_record.create', { body });
    expect(made.item).toMatchObject({ ...body, currency: 'CNY', category: null });
    const params = { id: made.id };
    const changed = await services.call('config.financial_record.update', { params, body: { category: 'salary' } });
    expect(changed.item).toMatchObject({ amount: '9999999999999.99', category: 'salary' });
    expect(changed.position).not.toBe(made.position);
    await services.call('config.financial_record.remove', { params });
    await expect(services.call('config.financial_record.get', { params })).rejects.toMatchObject({ code: 'not_found' });
    await expect(services.call('config.financial_record.remove', { params })).rejects.toMatchObject({
      code: 'not_found',
    });
  });

  test('the key of an endpoint is stored encrypted and never shown', async () => {
    const body = { service_name: 'a', service_type: 'chat', api_endpoint: 'https://api.test/v1', api_key: 'sk-1234' };
    const made = await services.call('config.ai_service_config.create', { body });
    expect(made.item).toMatchObject({ has_api_key: true, max_tokens: 1000 });
    expect(JSON.stringify(made)).not.toMatch(/sk-1234|api_key_encrypted/);
    const id = String(made.id);
    const row = await primary.records.get({ entity: 'ai_service_config', id }, { secrets: true });
    const sealed = String(row?.api_key_encrypted);
    expect(decryptSecret(sealed, masterKey, `ai_service_config/${id}`).reveal()).toBe('sk-1234');
    const move = async (api_endpoint: string) =>
      (await services.call('config.ai_service_config.update', { params: { id }, body: { api_endpoint } })).item;
    expect(await move('https://api.test/v2')).toMatchObject({ has_api_key: true });
    expect(await move('https://elsewhere.test/v1')).toMatchObject({ has_api_key: false });
    const wrong = { service_name: 'b', service_type: 'chat', api_endpoint: 'file:///etc' };
    await expect(services.call('config.ai_service_config.create', { body: wrong })).rejects.toMatchObject({
      code: 'invalid_request',
    });
  });

  test('a role gets only rights that there are, and loses one that goes', async () => {
    const grant = (permission_code: string) =>
      services.call('config.role_permission.create', { body: { role_name: 'guest', permission_code } });
    await expect(grant('fly')).rejects.toMatchObject({ code: 'invalid_request' });
    await grant('ai_access');
    await expect(grant('ai_access')).rejects.toMatchObject({ code: 'conflict' });
    await services.call('config.permission.remove', { params: { id: 'ai_access' } });
    const where = { permission_code: 'ai_access' };
    expect(await primary.records.find({ entity: 'role_permission', where, limit: 10 })).toEqual([]);
  });
});

describe('accounts', () => {
  const body = { user_id: 'u1', username: 'ann', email: 'ann@test', password: 'twelve letters' };
  const demote = (id: string, set: object) => services.call('config.user.update', { params: { id }, body: set });

  test('passwords become hashes that nobody sees', async () => {
    const made = await services.call('config.user.create', { body });
    expect(made.item).toMatchObject({ role: 'user', status: 'active', has_password: true });
    expect(JSON.stringify(made)).not.toMatch(/twelve letters|password_hash/);
    const row = await primary.records.get({ entity: 'user', id: 'u1' }, { secrets: true });
    expect(await passwords.verify('twelve letters', String(row?.password_hash))).toBe(true);
    const list = await services.call('config.user.list');
    expect(list.items).toContainEqual(expect.objectContaining({ user_id: 'admin_001', has_password: false }));
    expect(JSON.stringify(list)).not.toContain('scrypt');
    await expect(services.call('config.user.create', { body })).rejects.toMatchObject({ code: 'conflict' });
  });

  test('the last active administrator stays one', async () => {
    await demote('system_001', { status: 'suspended' });
    await expect(demote('admin_001', { role: 'user' })).rejects.toMatchObject({ code: 'conflict' });
    await expect(demote('admin_001', { status: 'inactive' })).rejects.toMatchObject({ code: 'conflict' });
    await demote('admin_001', { username: 'root' });
    await demote('system_001', { status: 'active' });
    await demote('admin_001', { role: 'user' });
  });

  test('of two who are demoted at once one stays an administrator', async () => {
    const set = { role: 'user' };
    const demoted = await Promise.allSettled([demote('admin_001', set), demote('system_001', set)]);
    expect(demoted.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const refused = demoted.find((it) => it.status === 'rejected');
    expect(refused).toMatchObject({ reason: { code: 'conflict' } });
  });

  test('managing users is not a way to become an administrator', async () => {
    await services.call('config.user.create', { body });
    const as = principalOf('u1');
    const change = (id: string, set: object) => services.call('config.user.update', { params: { id }, body: set, as });
    const grant = { role_name: 'user', permission_code: 'system_config' };
    for (const refused of [
      change('u1', { role: 'admin' }),
      change('admin_001', { password: 'twelve letters' }),
      services.call('config.user.create', { body: { ...body, user_id: 'u2', email: 'x@test', role: 'admin' }, as }),
      services.call('config.role_permission.create', { body: grant, as }),
    ]) {
      await expect(refused).rejects.toMatchObject({ code: 'forbidden' });
    }
    await change('u1', { username: 'anna' });
  });

  test('are not removed as rows, but erased', async () => {
    const removal = services.call('config.user.remove', { params: { id: 'admin_001' } });
    await expect(removal).rejects.toMatchObject({
      code: 'method_not_allowed',
      message: expect.stringContaining('DELETE /api/v1/ai/user/admin_001'),
    });
  });
});
