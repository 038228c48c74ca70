/** The pure parts of a migration: what becomes of columns, values and rows, and which rows a version takes. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { ColumnDefinition } from '@mindora/contracts';
import { adoptionSchema } from '@mindora/contracts/routes';
import fc from 'fast-check';
import { choiceOf, isChosen } from '../src/migrate/choice.ts';
import { earlierTables, type Plan, planOf } from '../src/migrate/layout.ts';
import { type EarlierRow, mapRow } from '../src/migrate/mapping.ts';
import {
  isWhole,
  keep,
  type MigrationReport,
  namedMax,
  newTableReport,
  refuse,
  reportText,
} from '../src/migrate/report.ts';
import { mayWrite } from '../src/migrate/source.ts';
import { convert, offsetText } from '../src/migrate/values.ts';

const utc = { offsetMinutes: 0, serverZone: 'UTC' };
const china = { offsetMinutes: 480, serverZone: 'CST' };

function tableOf(name: string) {
  const found = earlierTables.find(({ table }) => table === name);
  if (found === undefined) throw new Error(`no table ${name}`);
  return found;
}

function mapped(table: string, row: EarlierRow, types: Record<string, string> = {}, idPrefix = '') {
  const plan = planOf(tableOf(table), Object.keys(row));
  const facts = new Map(Object.keys(row).map((column) => [column, { type: types[column] ?? 'varchar' }]));
  return mapRow(plan, row, facts, { ...utc, idPrefix });
}

const exchange = {
  conversation_id: '17',
  user_id: 'lin',
  session_id: 's1',
  user_input: '你好',
  ai_response: 'hello',
  model_name: 'deepseek-chat',
  created_at: '2025-01-04 08:00:00',
};

describe('values', () => {
  const time: ColumnDefinition = { type: 'time', managed: true };
  const cases: [string, string | null, ColumnDefinition, string, unknown, RegExp | null][] = [
    ['a timestamp is a moment', '2025-01-04 08:00:00', time, 'timestamp', '2025-01-04T08:00:00.000000Z', /in UTC now/],
    [
      'a datetime is in the zone that was told',
      '2025-01-04 08:00:00.25',
      time,
      'datetime',
      '2025-01-04T00:00:00.250000Z',
      /taken as \+08:00/,
    ],
    ['over midnight and a year', '2025-01-01 07:59:59', time, 'datetime', '2024-12-31T23:59:59.000000Z', /\+08:00/],
    [
      'a zero date is none',
      '0000-00-00 00:00:00',
      { ...time, nullable: true },
      'timestamp',
      null,
      /zero date became null/,
    ],
    ['a zero date where one must be', '0000-00-00 00:00:00', time, 'timestamp', undefined, /time of the migration/],
    ['no time at all stays, to be refused', '2025-13-01 00:00:00', time, 'datetime', '2025-13-01 00:00:00', null],
    ['a decimal is its digits', '12.50', { type: 'decimal', precision: 15, scale: 2 }, 'decimal', '12.50', null],
    ['with fewer digits', '12.5', { type: 'decimal', precision: 15, scale: 2 }, 'decimal', '12.50', /2 digits/],
    ['with zeros at its end', '0.700000', { type: 'decimal', precision: 3, scale: 2 }, 'decimal', '0.70', /2 digits/],
    [
      'one that would have to be rounded stays',
      '0.705',
      { type: 'decimal', precision: 3, scale: 2 },
      'double',
      '0.705',
      null,
    ],
    ['a flag', '1', { type: 'boolean' }, 'tinyint', true, null],
    ['a flag that is a count', '2', { type: 'boolean' }, 'tinyint', true, /other than 0 and 1/],
    ['a flag that is null', null, { type: 'boolean', default: true }, 'tinyint', undefined, /null became true/],
    ['an enum', 'admin', { type: 'enum', values: ['admin'] }, 'enum', 'admin', null],
    ['an enum in capitals', ' Admin', { type: 'enum', values: ['admin'] }, 'varchar', 'admin', /small letters/],
    ['an enum of another kind stays', 'root', { type: 'enum', values: ['admin'] }, 'varchar', 'root', null],
    ['an empty name is none', '', { type: 'string', nullable: true }, 'varchar', null, /empty text became null/],
    ['a number', '0.95', { type: 'float' }, 'float', 0.95, null],
    ['no number stays', 'much', { type: 'integer' }, 'varchar', 'much', null],
    ['JSON', '{"a": [1, null]}', { type: 'json' }, 'json', { a: [1, null] }, null],
    ["JSON of Python's None", 'null', { type: 'json', nullable: true }, 'json', null, null],
    ['JSON encoded twice', '"{\\"a\\": 1}"', { type: 'json' }, 'json', { a: 1 }, /text of JSON/],
    [
      'JSON with a large number',
      '{"a": 9007199254740993}',
      { type: 'json' },
      'json',
      { a: '9007199254740993' },
      /2\^53/,
    ],
    ['no JSON stays, to be refused', '{a: 1}', { type: 'json' }, 'longtext', '{a: 1}', null],
  ];
  test.each(cases)('%s', (_name, text, column, type, value, change) => {
    const converted = convert(text, column, { type }, china);
    expect(converted.value).toEqual(value);
    if (change === null) expect(converted.change).toBeNull();
    else expect(converted.change).toMatch(change);
  });

  test('a timestamp of a server in UTC is not changed', () => {
    expect(convert('2025-01-04 08:00:00', time, { type: 'timestamp' }, utc).change).toBeNull();
  });

  test.each([
    [480, '+08:00'],
    [-210, '-03:30'],
    [0, '+00:00'],
  ])('%d minutes are %s', (minutes, text) => expect(offsetText(minutes)).toBe(text));

  test('a zone is taken off and never changes what is behind the seconds', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date('1971-01-01'), max: new Date('2099-01-01'), noInvalidDate: true }),
        fc.integer({ min: -840, max: 840 }),
        (date, offsetMinutes) => {
          const shown = date.toISOString().replace('T', ' ').replace('Z', '');
          const { value } = convert(shown, time, { type: 'datetime' }, { offsetMinutes, serverZone: 'UTC' });
          expect(Date.parse(String(value)) + offsetMinutes * 60_000).toBe(date.getTime());
        },
      ),
      { seed: 5 },
    );
  });
});

describe('rows', () => {
  test('a conversation keeps its id and its time, and its record is one', () => {
    const { record, changes } = mapped('ai_conversations', { id: '1', ...exchange, conversation_context: 'null' });
    expect(record).toEqual({
      id: '17',
      user_id: 'lin',
      session_id: 's1',
      user_input: '你好',
      ai_response: 'hello',
      model_name: 'deepseek-chat',
      context: null,
      created_at: '2025-01-04T08:00:00.000000Z',
      updated_at: '2025-01-04T08:00:00.000000Z',
    });
    expect(changes).toEqual(['created_at: had no zone, and was taken as +00:00']);
    expect(adoptionSchema('conversation').safeParse(record).success).toBe(true);
  });

  test('its id may get a prefix, and be the table’s own', () => {
    const { conversation_id: _, ...rest } = exchange;
    expect(mapped('ai_conversations', { id: '9', ...rest }, {}, 'old-').record.id).toBe('old-9');
  });

  test('an account comes without its password, and its number', () => {
    const row = {
      id: '1',
      user_id: 'lin',
      username: 'Lin',
      email: 'lin@example.com',
      password_hash: '$2b$',
      role: null,
    };
    const { record, changes } = mapped('users', row);
    expect(record).toEqual({ user_id: 'lin', username: 'Lin', email: 'lin@example.com' });
    expect(changes).toEqual(['role: null became user, the default']);
    const plan = planOf(tableOf('users'), Object.keys(row));
    expect([...plan.columnOf.values()]).not.toContain('password_hash');
    expect(Object.keys(plan.leftOut)).toEqual(['id', 'password_hash']);
  });

  test('a switch is true or false', () => {
    const row = { config_key: 'ai_api_enabled', config_value: 'True', config_type: 'boolean' };
    const { record, changes } = mapped('system_configs', row);
    expect([record.config_value, changes.length]).toEqual(['true', 1]);
  });

  test.each(earlierTables.map(({ table }) => table))('%s without its columns is not taken', (table) => {
    expect(planOf(tableOf(table), ['nothing']).missing.length).toBeGreaterThan(0);
    expect(planOf(tableOf(table), ['nothing']).leftOut).toEqual({ nothing: 'the version has no field for it' });
  });

  test('what no schema takes is named without its value', () => {
    const { record } = mapped('ai_conversations', {
      ...exchange,
      model_name: '',
      conversation_context: '"secret words"',
    });
    const parsed = adoptionSchema('conversation').safeParse(record);
    const told = JSON.stringify(parsed.error?.issues.map(({ path, message }) => [path.join('.'), message]));
    expect(told).toMatch(/model_name.*context/);
    expect(told).not.toContain('secret words');
  });
});

describe('a version takes', () => {
  const plans = new Map<string, Plan>([
    ['users', planOf(tableOf('users'), ['user_id', 'username', 'email'])],
    ['permissions', planOf(tableOf('permissions'), ['permission_code', 'permission_name'])],
    ['ai_conversations', planOf(tableOf('ai_conversations'), Object.keys(exchange))],
  ]);
  const taken = (only: string | undefined, except: string | undefined, table: string, row: EarlierRow): boolean => {
    const plan = plans.get(table);
    return plan !== undefined && isChosen(choiceOf(only, except), plan, row);
  };

  test('all, or who is named, or who is not, and always the settings', () => {
    const directory = mkdtempSync(join(tmpdir(), 'mindora-choice-'));
    const file = join(directory, 'users.txt');
    writeFileSync(file, '# of the community\nlin\r\n\n  chen  \n');
    const lin = { user_id: 'lin' };
    const wang = { user_id: 'wang' };
    expect(taken(undefined, undefined, 'users', wang)).toBe(true);
    expect(taken(file, undefined, 'ai_conversations', lin)).toBe(true);
    expect(taken(file, undefined, 'users', wang)).toBe(false);
    expect(taken(undefined, file, 'users', { user_id: 'chen' })).toBe(false);
    expect(taken(undefined, file, 'ai_conversations', wang)).toBe(true);
    for (const [only, except] of [
      [file, undefined],
      [undefined, file],
    ] as const) {
      expect(taken(only, except, 'permissions', { permission_code: 'x' })).toBe(true);
    }
    expect(() => choiceOf(file, file)).toThrow(/not both/);
    expect(() => choiceOf(join(directory, 'none'), undefined)).toThrow(/no file/);
    rmSync(directory, { recursive: true });
  });
});

test.each([
  ['GRANT SELECT ON `ai_main_db`.* TO `reader`@`%`', false],
  ["GRANT USAGE ON *.* TO `reader`@`%` IDENTIFIED BY PASSWORD '*0'", false],
  ['GRANT SELECT (`id`, `user_id`), SHOW VIEW ON `ai_main_db`.`users` TO `reader`@`%`', false],
  ['GRANT SELECT, INSERT ON `ai_main_db`.* TO `ai_user`@`%`', true],
  ['GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost` WITH GRANT OPTION', true],
])('%s may write: %p', (line, expected) => expect(mayWrite(line)).toBe(expected));

describe('the report', () => {
  const source = {
    server: 'MariaDB 10.11.14',
    database: 'ai_main_db',
    snapshotAt: '2026-11-22T00:00:00.000000Z',
    zone: 'UTC',
    accountMayWrite: false,
  };
  const reportOf = (tables: MigrationReport['tables']): MigrationReport => ({
    version: 'future',
    dry_run: false,
    source,
    tables,
    left_out: [{ table: 'sessions', rows_about: 3, why: 'not part of the earlier layout' }],
    notes: [],
  });

  test('names rows and reasons, a screenful at most', () => {
    const users = newTableReport('user', { password_hash: 'made otherwise' });
    for (let row = 1; row <= namedMax + 5; row++)
      refuse(users, { row: String(row), code: 'conflict', detail: 'its email' });
    const text = reportText(reportOf({ users }));
    expect(text).toMatch('users row 20: conflict, its email');
    expect(text).toMatch(`users: ${namedMax - 15} more; --json names ${namedMax} of them all`);
    expect(text).toMatch('sessions (about 3 rows): not part of the earlier layout');
    expect(text).toMatch('users.password_hash: made otherwise');
    expect(text.split('\n').length).toBeLessThan(50);
    expect(isWhole(reportOf({ users }))).toBe(false);
  });

  test('is whole where only the version’s own settings stood', () => {
    const system_configs = newTableReport('system_config', {});
    keep(system_configs, { row: '1', fields: ['description'] });
    expect(isWhole(reportOf({ system_configs }))).toBe(true);
    const ai_conversations = newTableReport('conversation', {});
    keep(ai_conversations, { row: '1', fields: ['user_input'] });
    expect(isWhole(reportOf({ ai_conversations }))).toBe(false);
  });
});
