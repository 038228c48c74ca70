/** What a new primary starts with (requirements A2.1, A2.13). Put in once: what is deleted or changed stays so. */
import type { EntityName, Row } from '@mindora/contracts';
import { definitionOf, storedRow } from './rows.ts';
import type { Sql } from './sql.ts';
import { erasureGate } from './tables.ts';
import { insertRow, type UnitContext } from './units.ts';

const marker = 'first_data';

function user(userId: string, username: string): [EntityName, Row] {
  // Without a password hash nobody can sign in with a password: the administrator sets one first.
  const row = { user_id: userId, username, email: `${username}@ai-system.com`, password_hash: null, role: 'admin' };
  return ['user', row];
}

function permission(code: string, name: string, description: string, [resource, action]: string[]): [EntityName, Row] {
  const facts = { resource_type: resource ?? null, action: action ?? null };
  return ['permission', { permission_code: code, permission_name: name, description, ...facts }];
}

function config(key: string, value: string, type: string, description: string): [EntityName, Row] {
  return ['system_config', { config_key: key, config_value: value, config_type: type, description }];
}

const rights = {
  admin: ['user_manage', 'ai_access', 'data_analyze', 'system_config'],
  user: ['ai_access', 'data_analyze'],
};

const firstRows: readonly [EntityName, Row][] = [
  user('admin_001', 'admin'),
  user('system_001', 'system'),
  permission('user_manage', 'User management (用户管理)', 'See and change accounts', ['user', 'manage']),
  permission('ai_access', 'Model access (AI服务访问)', 'Talk to the language models', ['ai', 'access']),
  permission('data_analyze', 'Data analysis (数据分析)', 'Run analyses and read their results', ['data', 'analyze']),
  permission('system_config', 'System configuration (系统配置)', 'Change configuration values', ['system', 'config']),
  ...Object.entries(rights).flatMap(([role, codes]) =>
    codes.map((code): [EntityName, Row] => ['role_permission', { role_name: role, permission_code: code }]),
  ),
  config('system_name', 'AI System', 'string', 'Name of the system'),
  config('max_concurrent_users', '1000', 'number', 'Most users at once'),
  config('ai_api_enabled', 'true', 'boolean', 'Whether the language models may be used'),
  config('maintenance_mode', 'false', 'boolean', 'While true, writes are refused'),
  config('default_language', 'zh-CN', 'string', 'Language where a client names none'),
];

/** Puts in the first rows, unless that was done before, and the line that {@link erasureGate} names. */
export async function insertFirstData(sql: Sql, context: UnitContext): Promise<void> {
  await insertGate(sql);
  const [done] = await sql.all('SELECT 1 FROM "_meta" WHERE "name" = ?', [marker]);
  if (done !== undefined) return;
  for (const [name, row] of firstRows) {
    const id = row[definitionOf(name).key];
    const isThere = typeof id === 'string' && (await storedRow(sql, context.dialect, name, id)) !== null;
    if (!isThere) await insertRow(sql, context, name, row);
  }
  await sql.run('INSERT INTO "_meta" ("name", "value") VALUES (?, ?)', [marker, context.clock.timestamp()]);
}

async function insertGate(sql: Sql): Promise<void> {
  const [gate] = await sql.all('SELECT 1 FROM "_meta" WHERE "name" = ?', [erasureGate]);
  if (gate === undefined) await sql.run('INSERT INTO "_meta" ("name", "value") VALUES (?, ?)', [erasureGate, '']);
}
