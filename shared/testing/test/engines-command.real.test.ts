import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseEnv } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { MongoClient } from 'mongodb';
import { createConnection } from 'mysql2/promise';
import { Client } from 'pg';
import { type TemporaryDirectory, temporaryDirectory } from '../src/temporary.ts';

const main = fileURLToPath(new URL('../src/engines/cli/main.ts', import.meta.url));
const names = ['mariadb', 'postgres', 'redis', 'mongodb'];
let data: TemporaryDirectory;

function engines(action: string, ...args: string[]) {
  const options = ['--data', data.path, '--version', 'dao', '--with', 'packages'];
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, action, ...names, ...options, ...args], {
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

function addresses(): Record<string, string> {
  return parseEnv(readFileSync(data.file('dao/engines.env'), 'utf8')) as Record<string, string>;
}

beforeAll(async () => {
  data = await temporaryDirectory();
  // Engines run as another user where the test runs as root.
  await chmod(data.path, 0o711);
  const { status, stderr } = engines('up');
  expect({ status, stderr }).toEqual({ status: 0, stderr: expect.stringContaining('engines: addresses: ') });
});

afterAll(async () => {
  engines('down');
  await data.remove();
});

describe('engines up', () => {
  it('notes addresses for nobody else', () => {
    expect(statSync(data.file('dao/engines.env')).mode & 0o777).toBe(0o600);
    const named = Object.fromEntries(Object.entries(addresses()).map(([name, url]) => [name, new URL(url).pathname]));
    expect(named).toEqual({
      MINDORA_PRIMARY_URL: '/jobfirst_dao',
      MINDORA_GOVERNANCE_URL: '/dao_governance_dao',
      MINDORA_CREDIT_URL: '/enterprise_credit_dao',
      MINDORA_RELATIONAL_URL: '/jobfirst_dao_vector',
      MINDORA_IDENTITY_URL: '/ai_identity_dao',
      MINDORA_CACHE_URL: '/3',
      MINDORA_DOCUMENTS_URL: '/jobfirst_dao',
    });
  });

  it('gives the primary an account that can do all but drop and truncate', async () => {
    const connection = await createConnection({ uri: addresses().MINDORA_PRIMARY_URL ?? '' });
    await connection.query('CREATE TABLE kept (id INT PRIMARY KEY)');
    await connection.query('CREATE TRIGGER kept_added AFTER INSERT ON kept FOR EACH ROW SET @added = NEW.id');
    await connection.query('INSERT INTO kept VALUES (7)');
    await expect(connection.query('TRUNCATE kept')).rejects.toThrow('denied');
    await expect(connection.query('DROP TABLE kept')).rejects.toThrow('denied');
    await expect(connection.query('SELECT * FROM mysql.user')).rejects.toThrow('denied');
    await connection.end();
  });

  it('gives the relational store its database with vectors, and no other', async () => {
    const client = new Client(addresses().MINDORA_RELATIONAL_URL);
    await client.connect();
    const { rows } = await client.query(`SELECT '[1,2]'::vector <=> '[1,2]'::vector AS distance`);
    expect(rows).toEqual([{ distance: 0 }]);
    await client.end();
    const stranger = new URL(addresses().MINDORA_RELATIONAL_URL ?? '');
    stranger.pathname = '/ai_identity_dao';
    await expect(new Client(stranger.toString()).connect()).rejects.toThrow('permission denied');
  });

  it('gives the cache an account that manages nothing', async () => {
    const client = new Redis(addresses().MINDORA_CACHE_URL ?? '');
    await client.set('key', 'value');
    expect(await client.config('GET', 'appendonly')).toEqual(['appendonly', 'yes']);
    await expect(client.config('SET', 'appendonly', 'no')).rejects.toThrow('NOPERM');
    client.disconnect();
  });

  it('gives the documents their database, and no other', async () => {
    const client = new MongoClient(addresses().MINDORA_DOCUMENTS_URL ?? '');
    await client.db().collection('kept').insertOne({ value: 7 });
    await expect(client.db('another').collection('kept').insertOne({ value: 7 })).rejects.toThrow(/not authorized/i);
    await client.close();
  });

  it('leaves what is running alone, and tells its state', () => {
    const before = addresses();
    expect(engines('up').stderr).toContain('postgres is running');
    expect(addresses()).toEqual(before);
    const { status, stdout } = engines('status');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^postgres +PostgreSQL [\d.]+, pgvector [\d.]+ +port \d+ +process \d+ +\d+ MB$/m);
  });

  it('finds all data again after a stop', async () => {
    const before = addresses();
    expect(engines('down').status).toBe(0);
    expect(engines('status')).toMatchObject({ status: 1, stdout: expect.stringContaining('stopped') });
    expect(engines('up').status).toBe(0);
    expect(addresses()).toEqual(before);
    const connection = await createConnection({ uri: addresses().MINDORA_PRIMARY_URL ?? '' });
    expect((await connection.query('SELECT id FROM kept'))[0]).toEqual([{ id: 7 }]);
    await connection.end();
  });
});

describe('a wrong command', () => {
  it.each([
    [['restart'], 'install|up|down|status'],
    [['up', 'oracle'], 'no engine oracle; there are mariadb,'],
    [['up', '--bus', 'kafka'], 'install|up|down|status'],
    [['up', '--version', '../x'], 'install|up|down|status'],
  ])('%j', (args, message) => {
    const { status, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining(message) });
  });
});

test('--help says what there is', () => {
  const { status, stdout } = spawnSync(process.execPath, [main, '--help'], { encoding: 'utf8' });
  expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringContaining('stop them; their data stays') });
});
