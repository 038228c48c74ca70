import { MindoraError, toMindoraError } from '@mindora/runtime';
import { MongoError, MongoServerError } from 'mongodb';

/** Codes of the server that blame a document: too large, an invalid key, nested too deep, refused by a validator. */
const contentCodes = new Set([15, 52, 56, 57, 121, 10334, 17280, 17419, 17420]);
const duplicateKey = 11000;
/** The index exists, or another of its name does, with other options. */
const indexConflicts = new Set([85, 86]);
const timeExceeded = 50;

/** Why a document is refused, where the server blames its content; null where it doesn't. */
export function refusalByCode(code: number): string | null {
  return contentCodes.has(code) ? `the engine refuses it (${code})` : null;
}

export function isDuplicate(error: unknown): boolean {
  return codeOf(error) === duplicateKey;
}

export function isIndexConflict(error: unknown): boolean {
  return indexConflicts.has(Number(codeOf(error)));
}

export function isTimeExceeded(error: unknown): boolean {
  return codeOf(error) === timeExceeded;
}

/** Whether the server answered, and its answer was no. */
export function isAnswer(error: unknown): boolean {
  return error instanceof MongoServerError;
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | null)?.code;
}

/**
 * An error of the driver as `store_unavailable`; errors of the table pass, anything else is `internal`. Without a cause:
 * the driver's messages hold keys and values.
 */
export function toDocumentsError(error: unknown): MindoraError {
  if (error instanceof MindoraError || !(error instanceof MongoError)) return toMindoraError(error);
  const { codeName } = error as { codeName?: unknown };
  const what = [typeof codeName === 'string' ? codeName : error.name, codeOf(error)];
  return new MindoraError('store_unavailable', `documents failed (${what.filter(Boolean).join(' ')})`);
}
