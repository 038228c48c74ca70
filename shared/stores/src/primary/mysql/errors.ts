/** What a server's errors mean. Their messages hold values, so no message of a server goes any further than here. */
import { MindoraError, toMindoraError } from '@mindora/runtime';
import { tables } from '../tables.ts';
import { flavours } from './flavours.ts';

/** What is kept of an error of the server or of the connection to it. */
export class MysqlFailure extends Error {
  /** The server's error number; null where the connection failed. */
  readonly errno: number | null;
  /** The name of the error: ER_DUP_ENTRY, ECONNREFUSED. */
  readonly code: string;
  /** The columns whose values were taken already. */
  readonly fields: readonly string[];

  constructor(errno: number | null, code: string, fields: readonly string[] = []) {
    super(`the database server failed (${code})`);
    this.name = 'MysqlFailure';
    this.errno = errno;
    this.code = code;
    this.fields = fields;
  }
}

const duplicate = 1062;
const deadlock = 1213;
const lockWaitTimeout = 1205;
const missingTable = 1146;

/** The server chose this transaction to end a deadlock: it is undone. */
export const isDeadlock = (thrown: unknown): boolean => thrown instanceof MysqlFailure && thrown.errno === deadlock;

/** A lock was not to be had in time; the transaction stands. */
export const isLockTimeout = (thrown: unknown): boolean =>
  thrown instanceof MysqlFailure && thrown.errno === lockWaitTimeout;

/** A table isn't there. */
export const isMissingTable = (thrown: unknown): boolean =>
  thrown instanceof MysqlFailure && thrown.errno === missingTable;

/** After these no further statement gets through: the server is going, or cut the connection. */
const lostNumbers = new Set([1053, 1927, 2006, 2013, 4031]);

interface Given {
  readonly errno?: unknown;
  readonly code?: unknown;
  readonly sqlState?: unknown;
  readonly message?: unknown;
}

/** Numbers that come from the server and not from a socket; those are negative, or come without an SQL state. */
function serverNumber({ errno, sqlState }: Given): number | null {
  return typeof errno === 'number' && errno > 0 && sqlState !== undefined ? errno : null;
}

/** The failure behind an error of the client library, without anything of the statement's values. */
export function failureOf(thrown: unknown, text: string): MysqlFailure {
  const given = (thrown ?? {}) as Given;
  const errno = serverNumber(given);
  const fields = errno === duplicate ? takenColumns(String(given.message), text) : [];
  return new MysqlFailure(errno, typeof given.code === 'string' ? given.code : 'unknown', fields);
}

/** Whether the connection can't be used any more. */
export function isLost({ errno }: MysqlFailure): boolean {
  return errno === null || lostNumbers.has(errno);
}

/** MySQL names the key with its table, MariaDB without; the table is in the statement. */
function takenColumns(message: string, text: string): readonly string[] {
  const key = /for key '(?:[^']*\.)?([^'.]+)'\s*$/.exec(message)?.[1] ?? '';
  const name = /(?:INTO|UPDATE) "([^"]+)"/.exec(text)?.[1];
  const table = tables.find((one) => one.name === name);
  if (table === undefined) return [];
  if (key === 'PRIMARY') return table.primary;
  return table.uniques.find((columns) => key === `uq_${table.name}_${columns.join('_')}`) ?? [];
}

/** The content of a row is refused: checks, triggers, types, lengths, nulls. */
const refusals = new Set([
  ...[1048, 1264, 1265, 1292, 1364, 1366, 1367, 1406, 1411, 1441, 1644, 1690, 3140, 3141],
  ...flavours.map((flavour) => flavour.checkFailed),
]);

/** The server can't now, or not as it is set up. Whoever runs it has to do something, or time will. */
const absences = new Map<number, string>([
  [1021, 'its disk is full'],
  [1036, 'it is read-only'],
  [1040, 'it has no connection free'],
  [1044, 'it refuses the account'],
  [1045, 'it refuses the account'],
  [1049, 'it has no such database'],
  [1053, 'it is shutting down'],
  [1114, 'a table is full'],
  [1129, 'it blocks this host'],
  [1142, 'the account lacks a right'],
  [1146, 'its tables are not made yet'],
  [1153, 'max_allowed_packet is too small'],
  [1203, 'the account has no connection free'],
  [1205, 'a lock is held for too long'],
  [1213, 'deadlocks do not end'],
  [1227, 'the account lacks a right'],
  [1290, 'it is read-only'],
  [1317, 'a statement was interrupted'],
  [1419, 'with a binary log, triggers need log_bin_trust_function_creators=1'],
  [1665, 'binlog_format must be ROW'],
  [1836, 'it is read-only'],
  [1927, 'the connection was ended'],
  ...flavours.map((flavour): [number, string] => [flavour.tookTooLong, 'a statement took too long']),
]);

/** An error as one of the table. */
export function translate(thrown: unknown): MindoraError {
  if (!(thrown instanceof MysqlFailure)) return toMindoraError(thrown);
  const { errno, code, fields } = thrown;
  const options = { cause: thrown, data: { fields: [...fields] } };
  if (errno === duplicate) {
    return new MindoraError('conflict', `the value of ${fields.join(', ') || 'a unique key'} is taken`, options);
  }
  if (errno !== null && refusals.has(errno)) {
    return new MindoraError('invalid_request', `a constraint of the primary refuses it (${code})`, options);
  }
  const absence = errno === null ? `it can't be reached` : absences.get(errno);
  if (absence === undefined) return new MindoraError('internal', `the primary failed (${code})`, options);
  return new MindoraError('store_unavailable', `the primary is not available: ${absence} (${code})`, options);
}
