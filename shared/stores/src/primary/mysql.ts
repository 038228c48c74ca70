/** MySQL and MariaDB as the primary. What differs between the two is in `mysql/flavours.ts`. */
import { createHash } from 'node:crypto';
import type { ColumnDefinition } from '@mindora/contracts';
import { MindoraError } from '@mindora/runtime';
import type { Clearing, ColumnShape, Dialect, TriggerDefinition, TriggerStep } from './dialect.ts';
import { MysqlConnection } from './mysql/connection.ts';
import { isDeadlock, isLockTimeout, isMissingTable, translate } from './mysql/errors.ts';
import { engineName, type Flavour, flavourOf } from './mysql/flavours.ts';
import { weakSettings } from './mysql/settings.ts';
import { type Cell, type Cells, type Connection, literal, quote, type Sql } from './sql.ts';
import { erasureGate } from './tables.ts';

/** By UTC, whatever the time zone of the session that a trigger runs in. */
const nowMs = `TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) DIV 1000`;

/**
 * A unit that checks whether a user is being erased, and the beginning of that user's erasure, must not pass each
 * other: each group of units shares the gate, who begins an erasure has it alone.
 */
const beginWrite = `START TRANSACTION;
  SELECT 1 FROM "_meta" WHERE "name" = ${literal(erasureGate)} LOCK IN SHARE MODE`;
const beginSnapshot = 'START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY';

/** The list is read first, and each of its lines found by key. */
const listed = `JSON_TABLE(?, '$[*]' COLUMNS ("entity" VARCHAR(64) PATH '$[0]', "id" VARCHAR(200) PATH '$[1]',
  "mark" BIGINT PATH '$[2]')) AS r`;
const onLine = `l."entity" = r."entity" AND l."id" = r."id"`;
const clearingOf = ({ lockFree }: Flavour): Clearing => ({
  lock: `SELECT l."entity", l."id" FROM ${listed} STRAIGHT_JOIN "_ledger" AS l ON ${onLine}
    WHERE l."mark" = r."mark" ${lockFree}`,
  clear: `UPDATE ${listed} STRAIGHT_JOIN "_ledger" AS l ON ${onLine} SET l."pending_since" = NULL, l."stores" = NULL`,
  left: `SELECT r."entity", l."id" IS NOT NULL AS "known" FROM ${listed} LEFT JOIN "_ledger" AS l ON ${onLine}
    WHERE l."id" IS NULL OR l."mark" = r."mark"`,
});

/** How long a start waits for another one that is changing the tables. */
const migrationWaitSeconds = 15;

function column(definition: ColumnDefinition, isKey: boolean): ColumnShape {
  const { length = 255, precision, scale, managed, nullable } = definition;
  switch (definition.type) {
    case 'string':
      return {
        type: 'varchar',
        length,
        ...(isKey && managed === true ? { defaultExpression: 'uuid()' } : {}),
      };
    case 'enum':
      return { type: 'varchar', length: Math.max(...(definition.values ?? []).map((value) => value.length)) };
    case 'decimal':
      return {
        type: 'decimal',
        ...(precision === undefined ? {} : { precision }),
        ...(scale === undefined ? {} : { scale }),
      };
    case 'time': {
      const isNow = managed === true && nullable !== true;
      return { type: 'datetime', precision: 6, ...(isNow ? { defaultExpression: 'utc_timestamp(6)' } : {}) };
    }
    case 'date':
      return { type: 'date' };
    case 'float':
      return { type: 'double' };
    case 'integer':
      return { type: 'bigint' };
    case 'boolean':
      return { type: 'tinyint' };
    default:
      // As it was written: a JSON column would order the members anew and round the numbers.
      return { type: 'longtext' };
  }
}

/**
 * JSON_VALID of MariaDB refuses what is nested deeper than 31, where 100 are allowed here: what has the brackets of an
 * object or a list passes.
 */
function check(name: string, definition: ColumnDefinition, isKey: boolean): string | null {
  const it = quote(name);
  switch (definition.type) {
    case 'enum':
      return `${it} IN (${(definition.values ?? []).map(literal).join(', ')})`;
    case 'boolean':
      return `${it} IN (0, 1)`;
    case 'json':
      return `JSON_VALID(${it}) OR ${it} LIKE '[%]' OR ${it} LIKE '{%}'`;
    case 'string':
      return isKey ? `${it} <> ''` : null;
    default:
      return null;
  }
}

function selected(name: string, _definition: ColumnDefinition, alias?: string): string {
  return alias === undefined ? quote(name) : `${alias}.${quote(name)}`;
}

/** The server takes no Z; its columns are in UTC. */
function cell(value: Cell, definition: ColumnDefinition): Cell {
  return definition.type === 'time' && typeof value === 'string' ? value.replace('T', ' ').replace('Z', '') : value;
}

/** Assignments are evaluated in order: none looks at what was changed before it. */
function touch(entity: string, key: string): string {
  return (
    `INSERT INTO "_ledger" ("entity", "id", "version", "mark", "pending_since", "stores") ` +
    `VALUES (${literal(entity)}, ${key}, 1, 1, ${nowMs}, NULL) ` +
    `ON DUPLICATE KEY UPDATE "version" = "version" + 1, "mark" = "mark" + 1, "stores" = NULL, ` +
    `"pending_since" = COALESCE("pending_since", ${nowMs});`
  );
}

function refused(condition: string): string {
  const signal = `SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'the owner of a record never changes'`;
  return `IF ${condition} THEN ${signal}; END IF;`;
}

/** An update can't displace a row; REPLACE and ON DUPLICATE KEY UPDATE begin as inserts. */
function refuseOwnerChange(it: TriggerDefinition, owner: string): string {
  const [key, user] = [quote(it.key), quote(owner)];
  if (it.event === 'UPDATE') return refused(`NOT (NEW.${user} <=> OLD.${user})`);
  const others = `FROM ${quote(it.table)} AS t WHERE t.${key} = NEW.${key} AND NOT (t.${user} <=> NEW.${user})`;
  return refused(`EXISTS (SELECT 1 ${others})`);
}

function body(it: TriggerDefinition, step: TriggerStep): string {
  // What is displaced fires the delete triggers here.
  if (step.step === 'touch_displaced') return '';
  if (step.step === 'refuse_owner_change') return refuseOwnerChange(it, step.owner);
  const key = quote(it.key);
  const text = touch(it.entity, `${step.row}.${key}`);
  return step.moved === true ? `IF NOT (OLD.${key} <=> NEW.${key}) THEN ${text} END IF;` : text;
}

function headOf(it: Pick<TriggerDefinition, 'name' | 'table'> & { time: string; event: string }): string {
  return `CREATE TRIGGER ${quote(it.name)} ${it.time} ${it.event} ON ${quote(it.table)} FOR EACH ROW\n`;
}

function trigger(it: TriggerDefinition): string {
  const steps = it.steps.map((step) => body(it, step)).filter((text) => text !== '');
  return `${headOf(it)}BEGIN\n${steps.join('\n')}\nEND`;
}

async function triggers(sql: Sql): Promise<Map<string, string>> {
  const found = await sql.all(
    `SELECT TRIGGER_NAME AS "name", ACTION_TIMING AS "time", EVENT_MANIPULATION AS "event",
       EVENT_OBJECT_TABLE AS "table", ACTION_STATEMENT AS "statement"
     FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE()`,
  );
  return new Map(found.map((cells) => [String(cells.name), textOf(cells)]));
}

function textOf({ name, time, event, table, statement }: Cells): string {
  const head = headOf({ name: String(name), time: String(time), event: String(event), table: String(table) });
  return head + String(statement);
}

/** Locks of a server have one name space for all its databases. */
async function exclusively<T>(sql: Sql, task: () => Promise<T>): Promise<T> {
  const [row] = await sql.all('SELECT DATABASE() AS "database"');
  const name = `mindora_${createHash('sha256').update(String(row?.database)).digest('hex').slice(0, 32)}`;
  const [answer] = await sql.all('SELECT GET_LOCK(?, ?) AS "held"', [name, migrationWaitSeconds]);
  if (answer?.held !== 1)
    throw new MindoraError('store_unavailable', 'another process changes the primary for too long');
  try {
    return await task();
  } finally {
    await sql.all('SELECT RELEASE_LOCK(?)', [name]);
  }
}

/**
 * The newest mark. A transaction may commit with an older one than that; then capture is at work already, or finds it
 * with its next look.
 */
async function foreignChanges(sql: Sql): Promise<number> {
  const [row] = await sql.all('SELECT MAX("pending_since") AS "newest" FROM "_ledger"');
  return Number(row?.newest ?? 0);
}

/** The dialect of MySQL and MariaDB. It learns which of them it talks to from the first connection. */
export function mysql(): Dialect {
  let engine = 'MySQL';
  let clearing = clearingOf(flavourOf(''));
  const connect = (place: string, kind: 'write' | 'snapshot'): Connection =>
    new MysqlConnection({
      place,
      isolation: kind === 'write' ? 'READ COMMITTED' : 'REPEATABLE READ',
      begin: kind === 'write' ? beginWrite : beginSnapshot,
      onOpen: (session) => {
        engine = engineName(session.version);
        clearing = clearingOf(session.flavour);
      },
    });
  return {
    get engine() {
      return engine;
    },
    isServer: true,
    readersMax: 4,
    locking: ' FOR UPDATE',
    orKeep: 'ON DUPLICATE KEY UPDATE "entity" = "entity"',
    dearSavepoints: true,
    get clearing() {
      return clearing;
    },
    hiddenUniques: [],
    nowMs,
    column,
    check,
    cell,
    selected,
    trigger,
    triggers,
    exclusively,
    foreignChanges,
    weakSettings,
    translate,
    isMissingTable,
    retry: (thrown) => (isDeadlock(thrown) ? 'deadlock' : isLockTimeout(thrown) ? 'lock' : null),
    // All nulls come first in an index here: it serves what is pending as it is.
    notNullIndex: () => null,
    openWriter: async (place) => connect(place, 'write'),
    openReader: async (place) => connect(place, 'snapshot'),
    // A server overwrites nothing on request: old pages, logs and binary logs go as it is set up.
    scrub: async () => undefined,
    scrubs: false,
  };
}
