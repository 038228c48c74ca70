/** The relational store on PostgreSQL with pgvector (A2.2). */
import { documentOf, type EntityName } from '@mindora/contracts';
import { type Clock, MindoraError } from '@mindora/runtime';
import type { StoreConnection } from '../connection.ts';
import { assertLimit } from '../embedded/checks.ts';
import { decodeCursor, encodeCursor } from '../embedded/cursor.ts';
import { isHoldable, PostgresTarget, quoted, refusedContents, Table } from '../postgres/index.ts';
import type { NearestQuery, Neighbour } from '../vectors/port.ts';
import type { AnalysisStatistics, HistoryQuery, Page, RelationalStore } from './port.ts';
import { preparePgvector, vectorTable } from './postgres-embeddings.ts';
import { PostgresNearest } from './postgres-nearest.ts';

export interface PostgresRelationalOptions {
  readonly clock: Pick<Clock, 'now'>;
  /** Length of the vectors. Where it differs from the table's, migrate empties the vectors, for sync to refill. */
  readonly dimensions: number;
}

/** Characters of each text that the full-text index looks at: what PostgreSQL indexes of one row ends at a megabyte. */
const indexedCharactersMax = 50_000;
const emptyPage: Page = { items: [], next: null };

interface Parts {
  readonly conversation: Table;
  readonly analysis: Table;
  readonly ai_service_config: Table;
  readonly embedding: Table;
}

/** Full text of words between spaces, without stemming, since languages are mixed; Chinese is Elasticsearch's. */
function textIndex(collection: string, fields: readonly string[]): { name: string; on: string } {
  const texts = fields.map((field) => `left(coalesce(${quoted(field)}, ''), ${indexedCharactersMax})`);
  return { name: `${collection}_by_words`, on: `USING gin (to_tsvector('simple', ${texts.join(` || ' ' || `)}))` };
}

function partsOf(dimensions: number): Parts {
  const conversation = documentOf('relational', 'conversation');
  const analysis = documentOf('relational', 'analysis');
  const config = documentOf('relational', 'ai_service_config');
  return {
    conversation: new Table(conversation, {
      indexes: [
        { name: `${conversation.collection}_by_user_session_time`, on: '(user_id, session_id, created_at)' },
        textIndex(conversation.collection, ['user_input', 'ai_response']),
      ],
    }),
    analysis: new Table(analysis, {
      indexes: [
        { name: `${analysis.collection}_by_user_type_time`, on: '(user_id, analysis_type, created_at)' },
        textIndex(analysis.collection, ['input_content']),
      ],
    }),
    ai_service_config: new Table(config, {
      indexes: [{ name: `${config.collection}_active`, on: '(service_type) WHERE is_active' }],
    }),
    embedding: vectorTable(documentOf('relational', 'embedding'), dimensions),
  };
}

/** Makes the store; nothing is asked of the server before the first call. */
export function openPostgresRelational(
  connection: StoreConnection,
  options: PostgresRelationalOptions,
): PostgresRelational {
  return new PostgresRelational(connection, options);
}

export class PostgresRelational extends PostgresTarget implements RelationalStore {
  readonly #parts: Parts;
  readonly #nearest: PostgresNearest;

  constructor({ url }: StoreConnection, { clock, dimensions }: PostgresRelationalOptions) {
    const parts = partsOf(dimensions);
    super({
      url,
      clock,
      role: 'relational',
      capabilities: {
        expires: false,
        volatile: false,
        dimensions,
        refuses: [...refusedContents, `vectors that don't have ${dimensions} dimensions`],
      },
      tables: new Map(Object.entries(parts) as [EntityName, Table][]),
      prepare: preparePgvector,
    });
    this.#parts = parts;
    this.#nearest = new PostgresNearest(parts, dimensions);
  }

  conversations(query: HistoryQuery): Promise<Page> {
    return this.#history(this.#parts.conversation, query, ['session_id', query.sessionId]);
  }

  /** Analyses have no session: with one, none is found. */
  analyses(query: HistoryQuery & { readonly analysisType: string | null }): Promise<Page> {
    if (query.sessionId !== null) return this.run(async () => emptyPage);
    return this.#history(this.#parts.analysis, query, ['analysis_type', query.analysisType]);
  }

  analysisStatistics(userId: string | null): Promise<AnalysisStatistics> {
    // Scores are added as the decimals that they print as, so that the mean of equal ones is that one.
    const sql = `SELECT count(*) AS total, avg(confidence_score::text::numeric) AS mean
      FROM ${this.#parts.analysis.name} ${userId === null ? '' : 'WHERE user_id = $1'}`;
    return this.run(async (database) => {
      if (userId !== null && !isHoldable(userId)) return { total: 0, averageConfidence: null };
      const values = userId === null ? [] : [userId];
      const [row] = await database.query<{ total: string; mean: string | null }>(sql, values);
      const mean = row?.mean ?? null;
      return { total: Number(row?.total ?? 0), averageConfidence: mean === null ? null : Number(mean) };
    });
  }

  nearest(query: NearestQuery): Promise<Neighbour[]> {
    return this.run((database) => this.#nearest.find(database, query));
  }

  /** `filter` is a further column that must be equal, where it has a value. */
  #history(table: Table, query: HistoryQuery, filter: readonly [string, string | null]): Promise<Page> {
    return this.run(async (database) => {
      assertLimit(query.limit);
      const place = query.after === null ? null : placeOf(query.after);
      const [column, value] = filter;
      if (!isHoldable(query.userId) || !isHoldable(value ?? '')) return emptyPage;
      const values = [query.userId, query.limit + 1, ...(value === null ? [] : [value]), ...(place ?? [])];
      const next = value === null ? 3 : 4;
      const conditions = [
        't.user_id = $1 AND t.created_at IS NOT NULL',
        ...(value === null ? [] : [`t.${quoted(column)} = $3`]),
        ...(place === null ? [] : [`(t.created_at, t.id) < ($${next}::timestamptz, $${next + 1}::text)`]),
      ];
      const sql = `SELECT ${table.selection('t')} FROM ${table.name} t WHERE ${conditions.join(' AND ')}
        ORDER BY t.created_at DESC, t.id DESC LIMIT $2`;
      return pageOf(table, await database.query(sql, values), query.limit);
    });
  }
}

function pageOf(table: Table, rows: readonly object[], limit: number): Page {
  const items = rows.slice(0, limit).map((row) => table.found(row).document);
  const last = items.at(-1);
  if (rows.length <= limit || last === undefined) return { items, next: null };
  return { items, next: encodeCursor([String(last.created_at), String(last.id)]) };
}

/** The server would not take any other text for a time. @throws MindoraError `invalid_cursor` */
function placeOf(cursor: string): [string, string] {
  const [time = '', id = ''] = decodeCursor(cursor, ['string', 'string']).map(String);
  const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/.test(time) && !Number.isNaN(Date.parse(time));
  if (!isTime || time.startsWith('0000') || !isHoldable(id)) throw new MindoraError('invalid_cursor');
  return [time, id];
}
