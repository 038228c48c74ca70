import { MindoraError } from '@mindora/runtime';
import { type AnyBulkWriteOperation, type Collection, MongoBulkWriteError } from 'mongodb';
import type { ApplyResult } from '../port.ts';
import { refusalByCode } from './mongo-errors.ts';
import type { StoredDocument } from './mongo-values.ts';

/** A document to write, whole; `_version` is the item's. */
export interface GuardedWrite {
  readonly id: string;
  readonly version: number;
  readonly document: Readonly<Record<string, unknown>>;
}

/** Rounds in which writers of the same record may come before each other. */
const roundsMax = 16;

/**
 * Writes each document over an older version or none. Results are in the order of the writes.
 *
 * The guard is the filter: it finds the document at this version or below, and replaces it. Where the store holds a newer
 * one it finds nothing, so the server tries to insert and stumbles over the key. The same happens where another writer
 * inserted meanwhile; so who stumbles looks at what is there, and tries again where that is not newer. The first version
 * of a record is nearly always new, so it is inserted first, which costs the server much less.
 */
export async function writeGuarded(
  collection: Collection<StoredDocument>,
  writes: readonly GuardedWrite[],
): Promise<ApplyResult[]> {
  const results = writes.map((): ApplyResult => ({ outcome: 'applied' }));
  for (const wave of wavesOf(writes)) {
    let waiting: readonly number[] = wave;
    for (let round = 0; waiting.length > 0; round++) {
      if (round === roundsMax) throw new MindoraError('store_unavailable', 'documents: too many writers of one record');
      waiting = await writeRound(collection, writes, waiting, { results, first: round === 0 });
    }
  }
  return results;
}

/** Places of writes, a record at most once in each wave: the server may take the writes of a call in any order. */
function wavesOf(writes: readonly GuardedWrite[]): number[][] {
  const waves: number[][] = [];
  const seen = new Map<string, number>();
  for (const [place, { id }] of writes.entries()) {
    const number = seen.get(id) ?? 0;
    seen.set(id, number + 1);
    waves[number] ??= [];
    waves[number].push(place);
  }
  return waves;
}

/** Writes once, notes the results, and gives the places that are to be tried again. */
async function writeRound(
  collection: Collection<StoredDocument>,
  writes: readonly GuardedWrite[],
  places: readonly number[],
  { results, first }: { readonly results: ApplyResult[]; readonly first: boolean },
): Promise<number[]> {
  const operations = places.map((place) => operationOf(writes[place] as GuardedWrite, first));
  const stumbled: number[] = [];
  for (const { index, code, onKey } of await failuresOf(collection, operations)) {
    const place = places[index] ?? -1;
    const reason = onKey ? null : (refusalByCode(code) ?? (code === 11000 ? 'another index is unique' : undefined));
    if (reason === undefined) throw new MindoraError('store_unavailable', `documents failed (${code})`);
    if (reason === null) stumbled.push(place);
    else results[place] = { outcome: 'refused', reason };
  }
  if (stumbled.length === 0) return [];
  const held = await versionsOf(
    collection,
    stumbled.map((place) => writes[place]?.id ?? ''),
  );
  return stumbled.filter((place) => {
    const { id, version } = writes[place] as GuardedWrite;
    const there = held.get(id) ?? 0;
    if (there > version) results[place] = { outcome: 'stale', version: there };
    return there <= version;
  });
}

function operationOf({ id, version, document }: GuardedWrite, first: boolean): AnyBulkWriteOperation<StoredDocument> {
  if (first && version === 1) return { insertOne: { document: { _id: id, ...document, _version: version } } };
  // Not "at most": a document that somebody else wrote has no version, or none that is a number.
  const filter = { _id: id, _version: { $not: { $gt: version } } };
  return { replaceOne: { filter, replacement: { ...document, _version: version }, upsert: true } };
}

interface Failure {
  readonly index: number;
  readonly code: number;
  /** It stumbled over the key. */
  readonly onKey: boolean;
}

/** @throws MindoraError `store_unavailable` where the rest was not all written, or not durably */
async function failuresOf(
  collection: Collection<StoredDocument>,
  operations: readonly AnyBulkWriteOperation<StoredDocument>[],
): Promise<Failure[]> {
  let failures: Failure[] = [];
  let result: { readonly insertedCount: number; readonly matchedCount: number; readonly upsertedCount: number };
  try {
    result = await collection.bulkWrite([...operations], { ordered: false });
  } catch (error) {
    if (!(error instanceof MongoBulkWriteError) || error.result.getWriteConcernError() !== undefined) throw error;
    failures = [error.writeErrors].flat().map(({ index, code, errmsg = '' }) => {
      return { index, code: Number(code), onKey: code === 11000 && /index: _id_/.test(errmsg) };
    });
    if (failures.length === 0) throw error;
    result = error.result;
  }
  const written = result.insertedCount + result.matchedCount + result.upsertedCount;
  if (written + failures.length === operations.length) return failures;
  throw new MindoraError('store_unavailable', 'documents: the server did not answer for each write');
}

/** Versions of documents that have one. */
async function versionsOf(
  collection: Collection<StoredDocument>,
  ids: readonly string[],
): Promise<Map<string, number>> {
  const found = await collection.find({ _id: { $in: [...ids] } }, { projection: { _version: 1 } }).toArray();
  return new Map(found.flatMap(({ _id, _version }) => (typeof _version === 'number' ? [[_id, _version]] : [])));
}
