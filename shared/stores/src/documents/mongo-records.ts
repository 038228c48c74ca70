import { documentOf, type EntityName } from '@mindora/contracts';
import { assertItem } from '../embedded/checks.ts';
import { ContentError } from '../embedded/errors.ts';
import type { ApplyItem, StoredRecord } from '../port.ts';
import { decodeFields, encodeFields, type StoredDocument } from './mongo-values.ts';
import type { GuardedWrite } from './mongo-writes.ts';

/** What is read where no content is wanted. */
export const versionsOnly = { _version: 1, _expires_at: 1, _deleted_at: 1 } as const;

/** An item as it is written: a tombstone keeps its version, and the time from which `purge` counts. */
export function writeOf(item: ApplyItem, now: number): GuardedWrite {
  assertItem('documents', item);
  const { entity, id, version, document, expiresAt } = item;
  if (document === null) return { id, version, document: { _deleted_at: new Date(now) } };
  if (expiresAt !== null && !Number.isSafeInteger(expiresAt)) throw new ContentError('not a time to expire at');
  const fields = encodeFields(documentOf('documents', entity), document);
  return { id, version, document: expiresAt === null ? fields : { ...fields, _expires_at: new Date(expiresAt) } };
}

/** What queries would see of a record, or its tombstone; null where it has expired. */
export function recordOf(
  entity: EntityName,
  stored: StoredDocument,
  now: number,
  withContent: boolean,
): StoredRecord | null {
  const { _id: id, _version, _expires_at, _deleted_at } = stored;
  const expiresAt = _expires_at instanceof Date ? _expires_at.getTime() : null;
  if (expiresAt !== null && expiresAt <= now) return null;
  const version = Number.isSafeInteger(_version) ? Number(_version) : null;
  const facts = { entity, id, version, deleted: _deleted_at !== undefined, expiresAt };
  if (facts.deleted || !withContent) return { ...facts, document: null };
  const { key } = documentOf('documents', entity);
  const { document, foreign } = decodeFields(stored);
  const fault = foreign ? 'it holds values that are not JSON' : document[key] === id ? null : 'the key is another one';
  return { ...facts, document, ...(fault === null ? {} : { fault }) };
}
