/** Searches: what must be found is asked of the tokens, so it is the same as in the embedded engine (entry.ts). */
import type { estypes } from '@elastic/elasticsearch';
import type { Row } from '@mindora/contracts';
import { decodeCursor, encodeCursor } from '../../embedded/cursor.ts';
import { highlight } from '../highlight.ts';
import type { TextHit, TextPage, TextQuery } from '../port.ts';
import type { Phrase } from '../query.ts';
import type { ContentIndex } from './layout.ts';
import { hitsOf } from './reads.ts';
import type { ElasticServer } from './server.ts';

type Condition = estypes.QueryDslQueryContainer;

/** Words that begin with the last one of a phrase, of which there are some thousands for a frequent character. */
const expansionsMax = 10_000;
const searchTimeout = '10s';

/** A page of documents in which all phrases are found. @throws MindoraError `invalid_cursor` */
export async function searchPage(
  server: ElasticServer,
  content: ContentIndex,
  query: TextQuery,
  phrases: readonly Phrase[],
  now: number,
): Promise<TextPage> {
  const place = query.after === null ? null : decodeCursor(query.after, placeTypes[query.sort]);
  const { key } = content.definition;
  const hits = await hitsOf(server, content, {
    query: conditionOf(content, query, phrases, now),
    sort: [{ [query.sort === 'newest' ? 'created_at.exact' : '_score']: 'desc' }, { [key]: 'desc' }],
    ...(place === null ? {} : { search_after: place }),
    size: query.limit + 1,
    track_scores: true,
    timeout: searchTimeout,
    _source: { excludes: ['sync'] },
  });
  const page = hits.slice(0, query.limit);
  const last = hits.length > query.limit ? page.at(-1)?.sort : undefined;
  const found = page.map((hit) => hitOf(content, hit, phrases));
  return { hits: found, next: last === undefined ? null : encodeCursor(last as (string | number)[]) };
}

/** Where a page ended: the time or score of its last hit, and its id. */
const placeTypes = { newest: ['string', 'string'], relevance: ['number', 'string'] } as const;

function conditionOf(content: ContentIndex, query: TextQuery, phrases: readonly Phrase[], now: number): Condition {
  return {
    bool: {
      must: phrases.map((phrase) => found(content, phrase)),
      should: phrases.flatMap(({ word }) => (word === null ? [] : [ranked(content, word)])),
      filter: filtersOf(query),
      must_not: [{ term: { 'sync.deleted': true } }, { range: { 'sync.expires_at': { lte: now } } }],
    },
  };
}

/** Tokens in a row in one of the fields. They hold no syntax, and the engine's plain phrase would read none. */
function found({ texts }: ContentIndex, { tokens, prefix }: Phrase): Condition {
  const fields = texts.map((field) => `tokens.${field}`);
  const [only = ''] = tokens;
  if (prefix && tokens.length === 1) {
    return { bool: { should: fields.map((field) => ({ prefix: { [field]: { value: only } } })) } };
  }
  const phrase = { query: tokens.join(' '), fields };
  if (!prefix) return { multi_match: { ...phrase, type: 'phrase' } };
  return { multi_match: { ...phrase, type: 'phrase_prefix', max_expansions: expansionsMax } };
}

/** A document that holds a Chinese word as a word, by the server's own analysis, goes before one that doesn't. */
function ranked({ texts }: ContentIndex, word: string): Condition {
  return { multi_match: { query: word, fields: [...texts], type: 'phrase' } };
}

function filtersOf({ userId, analysisType }: TextQuery): Condition[] {
  const filters: Condition[] = [];
  if (userId !== null) filters.push({ term: { user_id: userId } });
  if (analysisType !== null) filters.push({ term: { analysis_type: analysisType } });
  return filters;
}

function hitOf({ texts }: ContentIndex, hit: estypes.SearchHit<unknown>, phrases: readonly Phrase[]): TextHit {
  const document = hit._source as Row;
  const excerpts: Record<string, string> = {};
  for (const field of texts) {
    const excerpt = highlight(String(document[field] ?? ''), phrases);
    if (excerpt !== null) excerpts[field] = excerpt;
  }
  return { document, score: hit._score ?? 0, highlight: excerpts };
}
