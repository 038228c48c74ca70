/** Records of an earlier system: stored once, as they were, and never over what is there. */
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Row } from '@mindora/contracts';
import { type AdoptableEntity, adoptableEntities, adoptionSchema } from '@mindora/contracts/routes';
import { createPasswords, systemClock, systemRandom } from '@mindora/runtime';
import { openPrimary, type Primary } from '@mindora/stores';
import {
  principalOf,
  type StartedServices,
  startServices,
  type TemporaryDirectory,
  temporaryDirectory,
} from '@mindora/testing';
import { createConfigService } from '../src/index.ts';

let directory: TemporaryDirectory;
let primary: Primary;
let services: StartedServices;

beforeEach(async () => {
  directory = await temporaryDirectory();
  primary = await openPrimary({ file: directory.file('primary.db') });
  await primary.migrate();
  const passwords = createPasswords({ cost: { costLog2: 4, blockSize: 8, parallelism: 1 } });
  const dependencies = { primary: primary.records, clock: systemClock(), random: systemRandom(), passwords };
  services = await startServices(createConfigService({ ...dependencies, masterKey: randomBytes(32) }));
});

afterEach(async () => {
  await services.stop();
  await primary.close();
  await directory.remove();
});

interface Result {
  readonly outcome: string;
  readonly id?: string;
  readonly fields?: string[];
  readonly problem?: { code: string; detail: string };
}

async function adopt(entity: AdoptableEntity, items: unknown[], more: object = {}): Promise<Result[]> {
  const body = { entity, items, dry_run: false, permissions: [], ...more };
  return (await services.call('config.adopt', { body })).results as Result[];
}

const outcomes = (results: Result[]): string[] => results.map(({ outcome }) => outcome);
const get = (entity: AdoptableEntity, id: string): Promise<Row | null> => primary.records.get({ entity, id });

const created_at = '2025-01-04T08:00:00.000000Z';
const lin = { user_id: 'lin', username: 'Lin', email: 'lin@example.com', role: 'user', created_at, last_login: null };
const exchange = {
  id: '17',
  user_id: 'lin',
  session_id: 's1',
  user_input: 'hello',
  ai_response: 'hi',
  model_name: 'm',
  context: { source: 'web' },
  created_at,
  updated_at: created_at,
};
const record = { id: '3', user_id: 'lin', transaction_type: 'income', amount: '12.50', transaction_date: '2025-01-04' };

test('keeps ids and times, and again adds nothing', async () => {
  for (const [entity, item, id] of [
    ['user', lin, 'lin'],
    ['conversation', exchange, '17'],
    ['financial_record', { ...record, created_at }, '3'],
  ] as const) {
    expect(await adopt(entity, [item])).toEqual([{ index: 0, outcome: 'inserted', id }]);
    expect(await adopt(entity, [item])).toEqual([{ index: 0, outcome: 'unchanged', id }]);
    expect(await get(entity, id)).toMatchObject({ ...item, created_at });
  }
});

test('what is there with other content stands, and its fields are named', async () => {
  await adopt('conversation', [exchange]);
  const [result] = await adopt('conversation', [{ ...exchange, ai_response: 'other', context: null }]);
  expect(result).toEqual({ index: 0, outcome: 'different', id: '17', fields: ['ai_response', 'context'] });
  expect(await get('conversation', '17')).toMatchObject({ ai_response: 'hi' });
});

test('a password that was set since makes no difference', async () => {
  await adopt('user', [lin]);
  await primary.records.write([{ op: 'update', entity: 'user', id: 'lin', set: { password_hash: 'x' } }]);
  expect(outcomes(await adopt('user', [lin]))).toEqual(['unchanged']);
});

describe('a record under another id', () => {
  test('is the same where the id says nothing', async () => {
    const grant = { id: '1', role_name: 'admin', permission_code: 'ai_access' };
    expect(outcomes(await adopt('role_permission', [grant]))).toEqual(['unchanged']);
    expect(outcomes(await adopt('role_permission', [grant], { dry_run: true }))).toEqual(['unchanged']);
  });

  test('is refused where it says who it is', async () => {
    await adopt('user', [lin]);
    for (const dry_run of [false, true]) {
      const [result] = await adopt('user', [{ ...lin, user_id: 'chen' }], { dry_run });
      expect(result).toMatchObject({
        outcome: 'refused',
        problem: { code: 'conflict', detail: expect.stringMatching(/email/) },
      });
    }
  });
});

test('each item is held to the schema and the rules by itself', async () => {
  const config = { config_key: 'limit', config_value: 'many', config_type: 'number' };
  expect(outcomes(await adopt('system_config', [config, { ...config, config_value: '5' }]))).toEqual([
    'refused',
    'inserted',
  ]);
  const results = await adopt('conversation', [
    { ...exchange, id: 'no good id' },
    { ...exchange, user_input: 5 },
    exchange,
    'text',
    { ...exchange, id: '18', context: { list: [{ deep: 'a\0b' }] } },
    { ...exchange, id: '19', context: { 'a\0b': 1 } },
  ]);
  expect(outcomes(results)).toEqual(['refused', 'refused', 'inserted', 'refused', 'refused', 'refused']);
  expect(results[1]?.problem).toEqual({ code: 'invalid_request', detail: 'user_input: must be a text' });
  const [grant] = await adopt('role_permission', [{ id: '9', role_name: 'user', permission_code: 'fly' }]);
  expect(grant?.problem?.detail).toMatch('no such permission');
});

test('no secret is taken over', async () => {
  expect(outcomes(await adopt('user', [{ ...lin, password_hash: '$2b$12$x' }]))).toEqual(['refused']);
  expect(outcomes(await adopt('user', [{ ...lin, password: 'a long pass phrase' }]))).toEqual(['refused']);
  for (const name of adoptableEntities) {
    expect(Object.keys(adoptionSchema(name).shape)).not.toEqual(
      expect.arrayContaining([expect.stringMatching(/password|api_key/)]),
    );
  }
});

test('a dry run says the same and stores nothing', async () => {
  const permission = { permission_code: 'fly', permission_name: 'Fly' };
  const grant = { id: '9', role_name: 'user', permission_code: 'fly' };
  const dry = { dry_run: true, permissions: ['fly'] };
  expect(outcomes(await adopt('permission', [permission], dry))).toEqual(['inserted']);
  expect(outcomes(await adopt('role_permission', [grant], dry))).toEqual(['inserted']);
  expect(outcomes(await adopt('conversation', [exchange, { ...exchange, id: '' }], dry))).toEqual([
    'inserted',
    'refused',
  ]);
  expect([await get('permission', 'fly'), await get('conversation', '17')]).toEqual([null, null]);
  await adopt('conversation', [exchange]);
  expect(outcomes(await adopt('conversation', [exchange], dry))).toEqual(['unchanged']);
});

test('is for administrators, whatever a role may do', async () => {
  const as = { ...principalOf('editor'), permissions: ['system_config'] };
  const body = { entity: 'user', items: [lin], dry_run: false, permissions: [] };
  await expect(services.call('config.adopt', { body, as })).rejects.toMatchObject({ code: 'forbidden' });
});
