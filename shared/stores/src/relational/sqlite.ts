import { documentOf } from '@mindora/contracts';
import { load } from 'sqlite-vec';
import {
  assertLimit,
  type Connection,
  decodeCursor,
  type EmbeddedOptions,
  EmbeddedTarget,
  encodeCursor,
  plainTable,
  refusedContents,
  roleTables,
  Statements,
  Table,
} from '../embedded/index.ts';
import type { NearestQuery, Neighbour } from '../vectors/port.ts';
import { NearestRows } from './nearest.ts';
import type { AnalysisStatistics, HistoryQuery, Page, RelationalStore } from './port.ts';
import { VectorTable } from './vectors.ts';

export interface RelationalOptions extends EmbeddedOptions {
  /** Length of the vectors. Where it differs from the file's, migrate empties the vectors, for sync to refill. */
  readonly dimensions: number;
}

interface Parts {
  readonly conversation: Table;
  readonly analysis: Table;
  readonly config: Table;
  readonly embedding: VectorTable;
}

function partsOf(connection: Connection, dimensions: number): Parts {
  return {
    conversation: new Table(connection, documentOf('relational', 'conversation')),
    analysis: new Table(connection, documentOf('relational', 'analysis')),
    config: new Table(connection, documentOf('relational', 'ai_service_config')),
    embedding: new VectorTable(connection, documentOf('relational', 'embedding'), dimensions),
  };
}

/** The relational store in one SQLite file, with vectors by sqlite-vec (A2.2). */
export class SqliteRelational extends EmbeddedTarget implements RelationalStore {
  readonly #parts: Parts;
  readonly #statements: Statements;
  readonly #nearest: NearestRows;

  constructor(options: RelationalOptions) {
    super({
      ...options,
      role: 'relational',
      engine: 'sqlite-vec',
      capabilities: {
        expires: false,
        volatile: false,
        dimensions: options.dimensions,
        refuses: [...refusedContents, `vectors that don't have ${options.dimensions} dimensions`],
      },
      prepare: load,
      tables: (connection) => {
        const { conversation, analysis, config, embedding } = partsOf(connection, options.dimensions);
        return roleTables({
          conversation: plainTable(conversation),
          analysis: plainTable(analysis),
          ai_service_config: plainTable(config),
          embedding,
        });
      },
    });
    this.#parts = partsOf(this.connection, options.dimensions);
    this.#statements = new Statements(this.connection);
    this.#nearest = new NearestRows(this.#statements, this.#parts.embedding, this.#parts, options.dimensions);
  }

  conversations(query: HistoryQuery): Promise<Page> {
    return this.run(() => this.#history(this.#parts.conversation, query, [['session_id', query.sessionId]]));
  }

  /** Analyses have no session: with one, none is found. */
  analyses(query: HistoryQuery & { readonly analysisType: string | null }): Promise<Page> {
    if (query.sessionId !== null) return this.run(() => ({ items: [], next: null }));
    return this.run(() => this.#history(this.#parts.analysis, query, [['analysis_type', query.analysisType]]));
  }

  analysisStatistics(userId: string | null): Promise<AnalysisStatistics> {
    const owned = userId === null ? '' : 'WHERE user_id = ?';
    const sql = `SELECT count(*) AS total, avg(confidence_score) AS averageConfidence
      FROM ${this.#parts.analysis.name} ${owned}`;
    return this.run(() => this.#statements.get(sql).get(...(userId === null ? [] : [userId])) as AnalysisStatistics);
  }

  nearest(query: NearestQuery): Promise<Neighbour[]> {
    return this.run(() => this.#nearest.find(query));
  }

  #history(table: Table, query: HistoryQuery, filters: readonly (readonly [string, string | null])[]): Page {
    assertLimit(query.limit);
    const given = filters.filter(([, value]) => value !== null);
    const place = query.after === null ? [] : decodeCursor(query.after, ['string', 'string']);
    const conditions = ['user_id = ?', ...given.map(([column]) => `${column} = ?`)];
    if (place.length > 0) conditions.push('(created_at, id) < (?, ?)');
    const sql = `SELECT ${table.columns} FROM ${table.name} WHERE ${conditions.join(' AND ')}
      ORDER BY created_at DESC, id DESC LIMIT ?`;
    const bound = [query.userId, ...given.map(([, value]) => value), ...place, query.limit + 1];
    const rows = this.#statements
      .get(sql)
      .all(...bound)
      .map((cells) => table.found(cells).document);
    const items = rows.slice(0, query.limit);
    const last = items.at(-1);
    if (rows.length <= query.limit || last === undefined) return { items, next: null };
    return { items, next: encodeCursor([String(last.created_at), String(last.id)]) };
  }
}
