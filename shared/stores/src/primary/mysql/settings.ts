/** Settings of a server that the promise rests on. */
import type { Cells, Sql } from '../sql.ts';
import { flavourOf } from './flavours.ts';

/** Two texts of Chinese at their limits; what a packet can't hold is refused. */
const packetBytesMin = 16 * 1024 * 1024;

type Settings = ReadonlyMap<string, string>;

const asked = [
  'binlog_format',
  'innodb_doublewrite',
  'innodb_flush_log_at_trx_commit',
  'log_bin',
  'max_allowed_packet',
  'sync_binlog',
  'version',
];

/** Settings that are not as they should be, each with what to set. */
export async function weakSettings(sql: Sql): Promise<string[]> {
  const list = asked.map(() => '?').join();
  const rows = await sql.all(`SHOW GLOBAL VARIABLES WHERE "Variable_name" IN (${list})`, asked);
  const settings = new Map(rows.map((row) => [String(row.Variable_name), String(row.Value).toUpperCase()]));
  return [
    ...durability(settings),
    ...limits(settings),
    ...(await session(sql)),
    ...(await collations(sql, settings)),
    ...(await cascades(sql)),
    ...(await rights(sql)),
  ];
}

function durability(settings: Settings): string[] {
  const weak: string[] = [];
  const flush = settings.get('innodb_flush_log_at_trx_commit');
  if (flush !== '1') weak.push(`innodb_flush_log_at_trx_commit is ${flush}: a crash loses commits; set it to 1`);
  const doublewrite = settings.get('innodb_doublewrite') ?? 'ON';
  if (doublewrite !== 'ON' && doublewrite !== '1') {
    weak.push(`innodb_doublewrite is ${doublewrite}: a crash may tear a page; set it to ON`);
  }
  return [...weak, ...binaryLog(settings)];
}

function binaryLog(settings: Settings): string[] {
  if (settings.get('log_bin') !== 'ON') return [];
  const weak: string[] = [];
  const sync = settings.get('sync_binlog');
  if (sync !== '1') weak.push(`sync_binlog is ${sync}: a crash parts the binary log from the data; set it to 1`);
  // Servers that know no other format have no such setting.
  const format = settings.get('binlog_format') ?? 'ROW';
  if (format !== 'ROW') weak.push(`binlog_format is ${format}: triggers are not replayed exactly; set it to ROW`);
  return weak;
}

function limits(settings: Settings): string[] {
  const bytes = Number(settings.get('max_allowed_packet'));
  return bytes >= packetBytesMin
    ? []
    : [`max_allowed_packet is ${bytes}: large records are refused; set it to ${packetBytesMin} or more`];
}

async function session(sql: Sql): Promise<string[]> {
  const [row] = await sql.all('SELECT @@SESSION.sql_mode AS "modes"');
  const isStrict = String(row?.modes).includes('STRICT_ALL_TABLES');
  return isStrict ? [] : ['sql_mode of the session is not strict: values would be cut; let clients set it'];
}

/** Tables that someone else made, or a changed default of the database: keys would compare by other rules. */
async function collations(sql: Sql, settings: Settings): Promise<string[]> {
  const { collation } = flavourOf(settings.get('version') ?? '');
  const found = await sql.all(
    `SELECT TABLE_NAME AS "table", COLUMN_NAME AS "column", COLLATION_NAME AS "collation"
     FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND COLLATION_NAME <> ?
       AND TABLE_NAME IN (SELECT EVENT_OBJECT_TABLE FROM information_schema.TRIGGERS
         WHERE TRIGGER_SCHEMA = DATABASE() UNION SELECT '_ledger') LIMIT 10`,
    [collation],
  );
  return found.map((row) => `${row.table}.${row.column} has the collation ${row.collation}; set it to ${collation}`);
}

/** What a foreign key deletes or changes fires no trigger. */
async function cascades(sql: Sql): Promise<string[]> {
  const found = await sql.all(
    `SELECT TABLE_NAME AS "table", CONSTRAINT_NAME AS "name" FROM information_schema.REFERENTIAL_CONSTRAINTS
     WHERE CONSTRAINT_SCHEMA = DATABASE() AND (DELETE_RULE IN ('CASCADE', 'SET NULL')
       OR UPDATE_RULE IN ('CASCADE', 'SET NULL')) LIMIT 10`,
  );
  return found.map(({ table, name }) => `${table} has the foreign key ${name}, whose cascade no trigger sees: drop it`);
}

/** TRUNCATE, which no trigger sees, needs the right to DROP. */
async function rights(sql: Sql): Promise<string[]> {
  const held = new Set((await grants(sql)).map((row) => String(row.right)));
  const weak: string[] = [];
  if (held.has('DROP')) {
    weak.push('the account may TRUNCATE tables, which no trigger sees: revoke DROP from it');
  }
  if (held.has('SUPER')) weak.push('the account may change the server: revoke SUPER from it');
  return weak;
}

function grants(sql: Sql): Promise<Cells[]> {
  const account = `CONCAT('''', REPLACE(CURRENT_USER(), '@', '''@'''), '''')`;
  return sql.all(
    `SELECT PRIVILEGE_TYPE AS "right" FROM information_schema.USER_PRIVILEGES WHERE GRANTEE = ${account}
     UNION SELECT PRIVILEGE_TYPE FROM information_schema.SCHEMA_PRIVILEGES
       WHERE GRANTEE = ${account} AND DATABASE() LIKE TABLE_SCHEMA
     UNION SELECT PRIVILEGE_TYPE FROM information_schema.TABLE_PRIVILEGES
       WHERE GRANTEE = ${account} AND DATABASE() = TABLE_SCHEMA`,
  );
}
