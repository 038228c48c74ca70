/** How a record lies in its index, and what is read from there. */
import { createHash } from 'node:crypto';
import { documentOf, type EntityName, type FieldType, type Json, type Row } from '@mindora/contracts';
import { assertItem } from '../../embedded/checks.ts';
import { ContentError } from '../../embedded/errors.ts';
import type { ApplyItem, StoredRecord } from '../../port.ts';
import { foldText } from '../../segmentation/fold.ts';
import { segmentedText } from '../../segmentation/tokens.ts';
import type { ContentIndex } from './layout.ts';

/** What sync notes in an entry. An entry without a version was made by somebody else. */
interface SyncFacts {
  readonly version?: unknown;
  readonly deleted?: unknown;
  readonly expires_at?: unknown;
}
type Source = Readonly<Record<string, unknown>> & { readonly sync?: SyncFacts };

/** An answer of the engine, as far as it is looked at. */
export interface Hit {
  readonly _id?: string;
  readonly _source?: unknown;
  readonly fields?: Readonly<Record<string, unknown>>;
}

const nameBytesMax = 500;
const hashedPrefix = '~';
/** Entries that sync didn't write and whose name isn't that of their record go by names that begin so. */
const strayPrefix = '#entry-';

/** The engine's own name of a record: its id, or a hash where the engine wouldn't take that (512 bytes). */
export function entryName(id: string): string {
  const isPlain = id !== '' && !id.startsWith(hashedPrefix) && Buffer.byteLength(id) <= nameBytesMax;
  return isPlain ? id : hashedPrefix + createHash('sha256').update(id).digest('hex');
}

/** The entry that a stray's id stands for; null where the id is a record's. */
export function strayName(id: string): string | null {
  return id.startsWith(strayPrefix) ? id.slice(strayPrefix.length) : null;
}

/** Why an item can't be held, null where it can. Names fields, never their values. */
export function refusalOf(item: ApplyItem): string | null {
  try {
    assertItem('fulltext', item);
  } catch (error) {
    if (error instanceof ContentError) return error.message;
    throw error;
  }
  return item.document === null ? null : fieldsRefusal(item.entity, item.document);
}

function fieldsRefusal(entity: EntityName, document: Row): string | null {
  const fields = Object.entries(documentOf('fulltext', entity).fields);
  if (Object.keys(document).length !== fields.length) return 'the fields are not those defined';
  for (const [field, type] of fields) {
    const value = document[field];
    if (value === undefined) return `${field} is missing`;
    if (value !== null && !fits(type, value)) return `${field} is no ${type}, or not valid Unicode`;
  }
  return null;
}

function fits(type: FieldType, value: Json): boolean {
  switch (type) {
    case 'json':
      return isWellFormed(value);
    case 'keywords':
      return Array.isArray(value) && value.every(isWellFormedText);
    case 'float':
      return typeof value === 'number' && Number.isFinite(value);
    case 'integer':
      return Number.isSafeInteger(value);
    case 'boolean':
      return typeof value === 'boolean';
    default:
      return isWellFormedText(value);
  }
}

function isWellFormedText(value: Json): boolean {
  return typeof value === 'string' && value.isWellFormed();
}

function isWellFormed(value: Json): boolean {
  if (typeof value === 'string') return value.isWellFormed();
  if (typeof value !== 'object' || value === null) return true;
  return Object.entries(value).every(([key, member]) => key.isWellFormed() && isWellFormed(member));
}

/** The JSON of an entry: the document with the tokens it is found by, or a tombstone. */
export function entryJson(content: ContentIndex, item: ApplyItem, now: number): string {
  const { id, version, document, expiresAt } = item;
  if (document === null) {
    const sync = { version, deleted: true, deleted_at: now };
    return JSON.stringify({ [content.definition.key]: id, sync });
  }
  const sync = { version, deleted: false, ...(expiresAt === null ? {} : { expires_at: expiresAt }) };
  return JSON.stringify({ ...document, sync, tokens: tokensOf(content, document) });
}

/**
 * What a document is found by: the same tokens as in the embedded engine, so that both find the same documents. The
 * server's own analysis, of which no two servers have the same, only ranks.
 */
function tokensOf(content: ContentIndex, document: Row): Record<string, string> {
  const tokens = content.texts.map((field) => [field, segmentedText(foldText(String(document[field] ?? '')))] as const);
  return { ...Object.fromEntries(tokens), of: textMark(content, document) };
}

/** Names the texts that tokens were made of. */
function textMark(content: ContentIndex, document: Row): string {
  const texts = content.texts.map((field) => document[field] ?? null);
  return createHash('sha256').update(JSON.stringify(texts)).digest('base64url');
}

/** The version that sync wrote; null in what others wrote. */
export function versionOf(source: unknown): number | null {
  const version = (source as Source | undefined)?.sync?.version;
  return typeof version === 'number' ? version : null;
}

/** The id of the record that an entry is of. */
export function idOf(content: ContentIndex, hit: Hit): string {
  const key = (hit._source as Source | undefined)?.[content.definition.key];
  const name = hit._id ?? '';
  return typeof key === 'string' && entryName(key) === name ? key : strayPrefix + name;
}

/** An entry as a record; null where it has expired. `whole`: documents were read, and not only what sync notes. */
export function recordOf(content: ContentIndex, hit: Hit, now: number, whole: boolean): StoredRecord | null {
  const { sync, ...rest } = hit._source as Source;
  const expiresAt = typeof sync?.expires_at === 'number' ? sync.expires_at : null;
  if (expiresAt !== null && expiresAt <= now) return null;
  const deleted = sync?.deleted === true;
  const document = whole && !deleted ? (rest as Row) : null;
  const fault = whole ? faultOf(content, hit, rest as Row, deleted) : undefined;
  const facts = { entity: content.entity, id: idOf(content, hit), version: versionOf(hit._source), deleted };
  return { ...facts, document, expiresAt, ...(fault === undefined ? {} : { fault }) };
}

function faultOf(content: ContentIndex, hit: Hit, document: Row, deleted: boolean): string | undefined {
  if (deleted) return Object.keys(document).length > 1 ? 'a document stands where a tombstone should' : undefined;
  const mark = hit.fields?.['tokens.of'];
  if (!Array.isArray(mark)) return versionOf(hit._source) === null ? undefined : 'the text index lacks the document';
  return mark[0] === textMark(content, document) ? undefined : 'the text index holds another text';
}
