/** Records as the queries see them: by key, and all in the order of their ids. */
import type { estypes } from '@elastic/elasticsearch';
import { compareKeys } from '@mindora/contracts';
import type { ScanPage, StoredRecord } from '../../port.ts';
import { entryName, type Hit, idOf, recordOf } from './entry.ts';
import type { ContentIndex } from './layout.ts';
import { type ElasticServer, unavailable } from './server.ts';

/** Entries of one answer: few at first, then as many as their size allows. */
const firstEntries = 100;
const entriesMax = 2_000;
const answerBytes = 8 * 1024 * 1024;
/** What sync didn't write, of one index; more are told of after these have been removed. */
const straysMax = 1_000;

type Search = Omit<estypes.SearchRequest, 'index'>;

/** Runs a search of one index; half an answer is none. */
export async function search(server: ElasticServer, content: ContentIndex, request: Search): Promise<Hit[]> {
  const found = await hitsOf(server, content, request);
  return [...found];
}

/** Like {@link search}, with scores and places in the order. @throws MindoraError `store_unavailable` */
export async function hitsOf(
  server: ElasticServer,
  content: ContentIndex,
  request: Search,
): Promise<readonly estypes.SearchHit<unknown>[]> {
  const answer = await server.call((client) =>
    client.search({ index: content.name, allow_partial_search_results: false, track_total_hits: false, ...request }),
  );
  if (answer.timed_out || answer._shards.failed > 0) throw unavailable('an incomplete answer');
  return answer.hits.hits;
}

/** The records of ids, by id; those that the index doesn't hold are absent. */
export async function readRecords(
  server: ElasticServer,
  content: ContentIndex,
  ids: readonly string[],
  now: number,
): Promise<Map<string, StoredRecord>> {
  const records = new Map<string, StoredRecord>();
  for (let at = 0; at < ids.length; at += firstEntries) {
    const names = ids.slice(at, at + firstEntries).map(entryName);
    const query = { ids: { values: names } };
    for (const hit of await search(server, content, { query, size: names.length, ...parts(content, true) })) {
      const record = recordOf(content, hit, now, true);
      if (record !== null) records.set(record.id, record);
    }
  }
  return records;
}

/** What of an entry is read: all of it and the mark of its tokens, or what sync notes. */
function parts({ definition }: ContentIndex, whole: boolean): Search {
  return whole ? { docvalue_fields: ['tokens.of'] } : { _source: ['sync', definition.key] };
}

/** A page of the port's `scan`, or of `scanVersions` where not `whole`. */
export async function scanPage(
  server: ElasticServer,
  content: ContentIndex,
  after: string | null,
  limit: number,
  now: number,
  whole: boolean,
): Promise<ScanPage> {
  const { hits, ended } = await entriesAfter(server, content, after, limit, whole);
  const last = hits.at(-1);
  const end = ended || last === undefined ? null : idOf(content, last);
  const strays = await straysBetween(server, content, after, end, whole);
  const ordered = [...hits, ...strays].sort((a, b) => compareKeys(idOf(content, a), idOf(content, b)));
  const page = ordered.slice(0, limit);
  const records = page.map((hit) => recordOf(content, hit, now, whole)).filter((record) => record !== null);
  const lastOfPage = page.at(-1);
  const complete = ended && page.length === ordered.length;
  return { records, next: complete || lastOfPage === undefined ? null : idOf(content, lastOfPage) };
}

/** What sync wrote, in the order of ids, up to `limit` or to what one answer of this process should hold. */
async function entriesAfter(
  server: ElasticServer,
  content: ContentIndex,
  after: string | null,
  limit: number,
  whole: boolean,
): Promise<{ readonly hits: readonly Hit[]; readonly ended: boolean }> {
  const hits: Hit[] = [];
  let bytes = 0;
  let place = after;
  let size = whole ? firstEntries : entriesMax;
  while (hits.length < limit && bytes < answerBytes * 4) {
    const wanted = Math.min(size, limit - hits.length);
    const found = await entriesFrom(server, content, place, wanted + 1, whole);
    const taken = found.slice(0, wanted);
    hits.push(...taken);
    if (found.length <= wanted) return { hits, ended: true };
    place = keyOf(content, taken.at(-1));
    const length = whole ? sizeOf(taken) : 0;
    bytes += length;
    size = Math.max(1, Math.min(entriesMax, Math.floor((answerBytes * taken.length) / Math.max(1, length))));
  }
  return { hits, ended: false };
}

function entriesFrom(
  server: ElasticServer,
  content: ContentIndex,
  place: string | null,
  size: number,
  whole: boolean,
): Promise<Hit[]> {
  return search(server, content, {
    query: { bool: { filter: [{ exists: { field: 'sync.version' } }] } },
    // The order of a keyword is that of its UTF-8 bytes.
    sort: [{ [content.definition.key]: 'asc' }],
    size,
    ...(place === null ? {} : { search_after: [place] }),
    ...parts(content, whole),
  });
}

function keyOf({ definition }: ContentIndex, hit: Hit | undefined): string {
  return String((hit?._source as Record<string, unknown> | undefined)?.[definition.key]);
}

/** About how much memory entries take: that of their longest texts. */
function sizeOf(hits: readonly Hit[]): number {
  let size = 0;
  for (const { _source } of hits) {
    for (const value of Object.values(_source as object)) if (typeof value === 'string') size += value.length;
    size += 256;
  }
  return size;
}

/** What others wrote, with an id above `after` and up to `end`. */
async function straysBetween(
  server: ElasticServer,
  content: ContentIndex,
  after: string | null,
  end: string | null,
  whole: boolean,
): Promise<Hit[]> {
  const query = { bool: { must_not: [{ exists: { field: 'sync.version' } }] } };
  const strays = await search(server, content, { query, size: straysMax, ...parts(content, whole) });
  return strays.filter((hit) => {
    const id = idOf(content, hit);
    return (after === null || compareKeys(id, after) > 0) && (end === null || compareKeys(id, end) <= 0);
  });
}
