import { documentOf, type Row } from '@mindora/contracts';
import { MindoraError } from '@mindora/runtime';
import { BSON, type Collection, type Document } from 'mongodb';
import { assertLimit } from '../embedded/checks.ts';
import { decodeCursor, encodeCursor } from '../embedded/cursor.ts';
import type { Page } from '../relational/port.ts';
import { parseFilter } from './filter.ts';
import { isTimeExceeded } from './mongo-errors.ts';
import { candidatesOf } from './mongo-filter.ts';
import { decodeFields, type StoredDocument } from './mongo-values.ts';
import type { FindQuery } from './port.ts';

/** Bytes of documents that one query looks at before it gives up. */
const examinedBytesMax = 64 * 1024 * 1024;
const timeMsMax = 10_000;

/** Documents that queries see: no tombstones, nothing expired, nothing under a key that isn't a text. */
export function visible(now: number): Document {
  const expired = { _expires_at: { $lte: new Date(now) } };
  return { _id: { $type: 'string' }, _deleted_at: { $exists: false }, $nor: [expired] };
}

/** Newest first. @throws MindoraError `invalid_filter`, `invalid_cursor` */
export async function findDocuments(
  collection: Collection<StoredDocument>,
  query: FindQuery,
  { now, examinedMax }: { readonly now: number; readonly examinedMax: number },
): Promise<Page> {
  assertLimit(query.limit);
  const filter = parseFilter(query.filter);
  const items: Row[] = [];
  for await (const document of candidates(collection, query, now, examinedMax)) {
    if (!filter.matches(document)) continue;
    if (items.length === query.limit) return { items, next: placeOf(items.at(-1)) };
    items.push(document);
  }
  return { items, next: null };
}

/** What the server selects, within bounds. */
async function* candidates(
  collection: Collection<StoredDocument>,
  query: FindQuery,
  now: number,
  examinedMax: number,
): AsyncGenerator<Row> {
  const conditions = [visible(now), ...ofUser(query), ...beyond(query), ...candidatesOf(query.filter)];
  const cursor = collection
    .find({ $and: conditions }, { maxTimeMS: timeMsMax, batchSize: Math.min(query.limit + 1, 1_000) })
    .sort({ created_at: -1, _id: -1 });
  let examined = 0;
  let bytes = 0;
  try {
    for await (const stored of cursor) {
      examined += 1;
      bytes += BSON.calculateObjectSize(stored);
      if (examined > examinedMax || bytes > examinedBytesMax) throw tooBroad(query);
      yield { _id: stored._id, ...decodeFields(stored).document };
    }
  } catch (error) {
    throw isTimeExceeded(error) ? tooBroad(query) : error;
  } finally {
    await cursor.close();
  }
}

/** Also where the collection has no owner: then nothing is the user's. */
function ofUser({ userId }: FindQuery): Document[] {
  return userId === null ? [] : [{ user_id: { $eq: userId } }];
}

function beyond({ after }: FindQuery): Document[] {
  if (after === null) return [];
  const [time, id] = decodeCursor(after, ['string', 'string']);
  return [{ created_at: { $lte: time } }, { $or: [{ created_at: { $lt: time } }, { _id: { $lt: id } }] }];
}

function placeOf(document: Row | undefined): string {
  return encodeCursor([String(document?.created_at ?? ''), String(document?._id)]);
}

function tooBroad({ entity }: FindQuery): MindoraError {
  const { fields, indexes = [] } = documentOf('documents', entity);
  const names = [...new Set([...indexes.flat(), ...('created_at' in fields ? ['created_at'] : [])])].join(', ');
  return new MindoraError('invalid_filter', `the filter looks at too many documents; narrow it by one of ${names}`);
}
