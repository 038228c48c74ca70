import { MindoraError, toMindoraError } from '@mindora/runtime';

/** What the server or the way to it answered. Neither its text nor its detail is kept: both may quote content. */
export class EngineError extends Error {
  /** SQLSTATE, a code of the network, or a few words; never content. */
  readonly reason: string;
  /** SQLSTATE; null where the server did not answer. */
  readonly sqlstate: string | null;
  /** The connection is of no use any more. */
  readonly isLost: boolean;

  constructor(reason: string, sqlstate: string | null, isLost: boolean) {
    super(`PostgreSQL: ${reason}`);
    this.name = 'EngineError';
    this.reason = reason;
    this.sqlstate = sqlstate;
    this.isLost = isLost;
  }
}

/** Texts of the client that carry no code. */
const clientReasons: readonly (readonly [string, string])[] = [
  ['timeout exceeded when trying to connect', 'no connection in time'],
  ['timeout expired', 'no connection in time'],
  ['Query read timeout', 'no answer in time'],
];

/** An error of the client library as one that carries no content. */
export function toEngineError(thrown: unknown): EngineError {
  if (thrown instanceof EngineError) return thrown;
  const { code, severity, message } = (thrown ?? {}) as { code?: unknown; severity?: unknown; message?: unknown };
  if (typeof code === 'string' && typeof severity === 'string') {
    return new EngineError(code, code, severity !== 'ERROR');
  }
  if (typeof code === 'string') return new EngineError(code, null, true);
  const known = clientReasons.find(([text]) => String(message).startsWith(text));
  return new EngineError(known?.[1] ?? 'connection lost', null, true);
}

/** Classes of SQLSTATE that blame the content: data exception, integrity violation, limit of the program. */
const contentClasses = ['22', '23', '54'];

/** Why an item is refused, where the error blames its content; null where it blames the store or the code. */
export function refusalOf(error: unknown): string | null {
  const state = sqlstateOf(error);
  if (state === null || !contentClasses.includes(state.slice(0, 2))) return null;
  return `the engine refuses it (${state})`;
}

/** Deadlock or serialization failure: the same again is likely to succeed. */
export function isConflict(error: unknown): boolean {
  const state = sqlstateOf(error);
  return state === '40P01' || state === '40001';
}

/** The database, a schema, a table, a column or a type is missing or another than it was. */
const layoutStates = ['3D000', '3F000', '42P01', '42P10', '42703', '42704', '42804', '42883', 'XX000'];

/** Whether the store's tables are not what migrate left, so that it should be asked again. */
export function isLayoutError(error: unknown): boolean {
  const state = sqlstateOf(error);
  return state !== null && layoutStates.includes(state);
}

/** The SQLSTATE of an error or of what caused it. */
export function sqlstateOf(error: unknown): string | null {
  if (error instanceof EngineError) return error.sqlstate;
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof EngineError ? cause.sqlstate : null;
}

/** An error of the engine as `store_unavailable`; errors of the table pass, anything else is `internal`. */
export function toStoreError(error: unknown, name: string): MindoraError {
  if (!(error instanceof EngineError)) return toMindoraError(error);
  return new MindoraError('store_unavailable', `${name} failed (${error.reason})`, { cause: error });
}

/** The answer to every call after close. */
export function closedError(name: string): MindoraError {
  return new MindoraError('store_unavailable', `${name} is closed`);
}
