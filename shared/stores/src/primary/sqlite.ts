/** SQLite as the primary: built-ins of 3.40 only in what is stored in the file (triggers, defaults, checks). */
import type { ColumnDefinition } from '@mindora/contracts';
import { MindoraError, toMindoraError } from '@mindora/runtime';
import Database from 'better-sqlite3';
import type { ColumnShape, Dialect, TriggerDefinition, TriggerStep } from './dialect.ts';
import { type Cell, type Cells, type Connection, literal, quote, type Sql } from './sql.ts';

const busyTimeoutMs = 5000;
const statementsMax = 500;
/** The write-ahead log is cut back to this size after a checkpoint. */
const walBytesKept = 64 * 1024 * 1024;

const nowMs = "CAST(ROUND((julianday('now') - 2440587.5) * 86400000) AS INTEGER)";
const nowText = "(strftime('%Y-%m-%dT%H:%M:%f000Z', 'now'))";
const randomText = '(lower(hex(randomblob(16))))';

class SqliteConnection implements Connection {
  readonly #database: Database.Database;
  readonly #statements = new Map<string, Database.Statement<Cell[]>>();

  constructor(database: Database.Database) {
    this.#database = database;
  }

  async all(text: string, values: readonly Cell[] = []): Promise<Cells[]> {
    return this.#statement(text).all(...values) as Cells[];
  }

  async run(text: string, values: readonly Cell[] = []): Promise<number> {
    const statement = this.#statement(text);
    // Some pragmas answer with rows and some don't.
    return statement.reader ? statement.all(...values).length : statement.run(...values).changes;
  }

  async begin(kind: 'write' | 'snapshot'): Promise<void> {
    this.#statement(kind === 'write' ? 'BEGIN IMMEDIATE' : 'BEGIN DEFERRED').run();
  }

  async commit(): Promise<void> {
    this.#statement('COMMIT').run();
  }

  async rollback(): Promise<void> {
    if (this.#database.inTransaction) this.#statement('ROLLBACK').run();
  }

  inTransaction(): boolean {
    return this.#database.inTransaction;
  }

  async close(): Promise<void> {
    this.#statements.clear();
    this.#database.close();
  }

  #statement(text: string): Database.Statement<Cell[]> {
    const known = this.#statements.get(text);
    if (known !== undefined) return known;
    if (this.#statements.size >= statementsMax) this.#statements.clear();
    const statement = this.#database.prepare<Cell[]>(text);
    this.#statements.set(text, statement);
    return statement;
  }
}

function open(file: string, readonly: boolean): SqliteConnection {
  const database = new Database(file, { readonly, fileMustExist: readonly, timeout: busyTimeoutMs });
  if (!readonly) {
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = FULL');
    database.pragma('secure_delete = ON');
    database.pragma(`journal_size_limit = ${walBytesKept}`);
  }
  database.pragma('foreign_keys = OFF');
  database.pragma('cache_size = -16000');
  return new SqliteConnection(database);
}

/** Text affinity turns what is typed as a number into text, so a typed 12.5 is kept as '12.5'. */
function column(definition: ColumnDefinition, isKey: boolean): ColumnShape {
  switch (definition.type) {
    case 'string':
      return {
        type: 'varchar',
        length: definition.length ?? 255,
        ...(isKey && definition.managed === true ? { defaultExpression: randomText } : {}),
      };
    case 'enum':
      return { type: 'varchar', length: Math.max(...(definition.values ?? []).map((value) => value.length)) };
    case 'decimal':
      return { type: 'varchar', length: (definition.precision ?? 0) + 2 };
    case 'time':
      return {
        type: 'varchar',
        length: 27,
        ...(definition.managed === true && definition.nullable !== true ? { defaultExpression: nowText } : {}),
      };
    case 'date':
      return { type: 'varchar', length: 10 };
    case 'float':
      return { type: 'double' };
    case 'text':
    case 'json':
      return { type: 'text' };
    default:
      return { type: definition.type };
  }
}

/** No `),` inside an expression: the schema builder's reader of table texts would cut there. */
function check(name: string, definition: ColumnDefinition, isKey: boolean): string | null {
  const it = quote(name);
  switch (definition.type) {
    case 'enum':
      return `${it} IN (${(definition.values ?? []).map(literal).join(', ')})`;
    case 'boolean':
      return `${it} IN (0, 1)`;
    case 'decimal':
      return (
        `${it} NOT GLOB '*[^-.0-9]*' AND ${it} GLOB '*[0-9]*' ` +
        `AND ${it} NOT GLOB '*.*.*' AND ${it} NOT GLOB '?*-*' AND ${it} NOT GLOB '*.'`
      );
    case 'string':
      return isKey ? `typeof(${it}) = 'text'` : null;
    default:
      return null;
  }
}

/** The client library reads integers as doubles; those that a double can't hold are read as text. */
function selected(name: string, definition: ColumnDefinition, alias?: string): string {
  const it = alias === undefined ? quote(name) : `${alias}.${quote(name)}`;
  if (definition.type !== 'integer') return it;
  const safe = Number.MAX_SAFE_INTEGER;
  return `CASE WHEN ${it} BETWEEN -${safe} AND ${safe} THEN ${it} ELSE CAST(${it} AS TEXT) END AS ${quote(name)}`;
}

const raised =
  `"version" = "version" + 1, "mark" = "mark" + 1, "stores" = NULL, ` +
  `"pending_since" = COALESCE("pending_since", ${nowMs})`;

/**
 * An outer OR REPLACE or OR IGNORE overrides the conflict clauses of statements inside triggers, so these have none:
 * neither can conflict.
 */
function touch(entity: string, key: string, condition: string): string {
  const line = `"entity" = ${literal(entity)} AND "id" = ${key}`;
  return (
    `INSERT INTO "_ledger" ("entity", "id", "version", "mark") SELECT ${literal(entity)}, ${key}, 0, 0 ` +
    `WHERE ${condition}NOT EXISTS (SELECT 1 FROM "_ledger" WHERE ${line});\n` +
    `UPDATE "_ledger" SET ${raised} WHERE ${condition}${line};`
  );
}

function touchDisplaced(it: TriggerDefinition, columns: readonly string[]): string {
  const key = quote(it.key);
  const self = it.event === 'INSERT' ? 'NEW' : 'OLD';
  const same = columns.map((name) => `t.${quote(name)} = NEW.${quote(name)}`).join(' AND ');
  const others = `FROM ${quote(it.table)} AS t WHERE ${same} AND t.${key} IS NOT ${self}.${key}`;
  const entity = literal(it.entity);
  return (
    `INSERT INTO "_ledger" ("entity", "id", "version", "mark") SELECT ${entity}, t.${key}, 0, 0 ${others} ` +
    `AND NOT EXISTS (SELECT 1 FROM "_ledger" AS l WHERE l."entity" = ${entity} AND l."id" = t.${key});\n` +
    `UPDATE "_ledger" SET ${raised} WHERE "entity" = ${entity} AND "id" IN (SELECT t.${key} ${others});`
  );
}

/** Also refuses to displace a record by another owner's of the same key. */
function refuseOwnerChange(it: TriggerDefinition, owner: string): string {
  const [key, user] = [quote(it.key), quote(owner)];
  const other = `EXISTS (SELECT 1 FROM ${quote(it.table)} AS t WHERE t.${key} = NEW.${key} AND t.${user} IS NOT NEW.${user})`;
  const changed = it.event === 'UPDATE' ? `NEW.${user} IS NOT OLD.${user} OR ${other}` : other;
  return `SELECT RAISE(ABORT, 'the owner of a record never changes') WHERE ${changed};`;
}

function body(it: TriggerDefinition, step: TriggerStep): string {
  if (step.step === 'touch_displaced') return touchDisplaced(it, step.columns);
  if (step.step === 'refuse_owner_change') return refuseOwnerChange(it, step.owner);
  const key = quote(it.key);
  return touch(it.entity, `${step.row}.${key}`, step.moved === true ? `OLD.${key} IS NOT NEW.${key} AND ` : '');
}

function trigger(it: TriggerDefinition): string {
  const steps = it.steps.map((step) => body(it, step)).join('\n');
  return (
    `CREATE TRIGGER ${quote(it.name)} ${it.time} ${it.event} ON ${quote(it.table)} FOR EACH ROW\n` +
    `BEGIN\n${steps}\nEND`
  );
}

async function triggers(sql: Sql): Promise<Map<string, string>> {
  const rows = await sql.all("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'");
  return new Map(rows.map((row) => [String(row.name), String(row.sql)]));
}

/**
 * VACUUM writes the database anew, without what was deleted (also by connections that don't overwrite); emptying the
 * write-ahead log before and after removes the copies there.
 */
async function scrub(sql: Sql): Promise<void> {
  await truncateLog(sql);
  await sql.run('VACUUM');
  await truncateLog(sql);
}

async function truncateLog(sql: Sql): Promise<void> {
  const [answer] = await sql.all('PRAGMA wal_checkpoint(TRUNCATE)');
  if (answer?.busy !== 0) throw new MindoraError('store_unavailable', 'readers keep the write-ahead log in use');
}

async function weakSettings(sql: Sql): Promise<string[]> {
  const wanted = { journal_mode: 'wal', synchronous: 2, secure_delete: 1 };
  const weak: string[] = [];
  for (const [name, value] of Object.entries(wanted)) {
    const [row] = await sql.all(`PRAGMA ${name}`);
    if (row?.[name] !== value) weak.push(`${name} is ${String(row?.[name])}, not ${value}`);
  }
  return weak;
}

/** Columns that a message like "UNIQUE constraint failed: users.email, users.name" names. */
function columnsOf(message: string): string[] {
  const list = message.split('failed: ')[1] ?? '';
  return list.split(', ').flatMap((path) => path.split('.')[1] ?? []);
}

function translate(thrown: unknown): MindoraError {
  // Not by instanceof: the native library makes its errors in the realm that loaded it first.
  const { name, code: given, message } = (thrown ?? {}) as { name?: unknown; code?: unknown; message?: unknown };
  if (name !== 'SqliteError') return toMindoraError(thrown);
  const code = String(given);
  const fields = columnsOf(String(message));
  const options = { cause: thrown, data: { fields } };
  if (/^SQLITE_CONSTRAINT_(UNIQUE|PRIMARYKEY|ROWID)/.test(code)) {
    return new MindoraError('conflict', `the value of ${fields.join(', ')} is taken`, options);
  }
  if (code.startsWith('SQLITE_CONSTRAINT') || code === 'SQLITE_TOOBIG' || code === 'SQLITE_MISMATCH') {
    return new MindoraError('invalid_request', `a constraint of the primary refuses it (${code})`, options);
  }
  if (/^SQLITE_(BUSY|LOCKED|FULL|IOERR|READONLY|CANTOPEN|CORRUPT|NOTADB|PROTOCOL|NOMEM)/.test(code)) {
    return new MindoraError('store_unavailable', `the primary is not available (${code})`, options);
  }
  return new MindoraError('internal', `the primary failed (${code})`, options);
}

/** The dialect of SQLite. */
export const sqlite: Dialect = {
  engine: 'SQLite',
  isServer: false,
  readersMax: 1,
  locking: '',
  orKeep: 'ON CONFLICT DO NOTHING',
  dearSavepoints: false,
  clearing: null,
  scrubs: true,
  column,
  check,
  selected,
  trigger,
  triggers,
  nowMs,
  scrub,
  weakSettings,
  translate,
  cell: (value) => value,
  // The writer has the file for itself.
  exclusively: (_sql, task) => task(),
  retry: () => null,
  isMissingTable: (thrown) => /^no such table/.test(String((thrown as { message?: unknown } | null)?.message)),
  notNullIndex: (name) => `${quote(name)} IS NOT NULL`,
  // A rowid typed by hand may displace a row too (INSERT OR REPLACE INTO t (rowid, ...)).
  hiddenUniques: [['rowid']],
  openWriter: async (file) => open(file, false),
  openReader: async (file) => open(file, true),
  async foreignChanges(sql) {
    const [row] = await sql.all('PRAGMA data_version');
    return Number(row?.data_version);
  },
};
