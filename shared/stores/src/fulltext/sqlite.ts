/** Full text on SQLite FTS5 (A2.7, A2.15). */
import type { Row } from '@mindora/contracts';
import { type Clock, MindoraError } from '@mindora/runtime';
import {
  assertLimit,
  type Connection,
  EmbeddedTarget,
  quoted,
  refusedContents,
  Statements,
} from '../embedded/index.ts';
import { numberColumn } from '../embedded/numbered.ts';
import type { StoreHealth } from '../port.ts';
import { highlight } from './highlight.ts';
import type { FullTextStore, TextHit, TextPage, TextQuery } from './port.ts';
import { matchExpression, type Phrase, parseQuery } from './query.ts';
import { FullTextTables } from './tables.ts';
import { wordsColumn } from './text-index.ts';

export interface FullTextOptions {
  readonly file: string;
  readonly clock: Pick<Clock, 'now'>;
}

const hitsMax = 200;

/** Opens the store; {@link FullTextStore.migrate} makes its tables. */
export function openFullTextStore(options: FullTextOptions): FullTextStore {
  return new SqliteFullText(options);
}

class SqliteFullText extends EmbeddedTarget implements FullTextStore {
  readonly #tables: FullTextTables;
  readonly #statements: Statements;

  constructor(options: FullTextOptions) {
    const made: FullTextTables[] = [];
    super({
      ...options,
      role: 'fulltext',
      engine: 'FTS5',
      capabilities: { expires: true, volatile: false, dimensions: 0, refuses: refusedContents },
      tables: (connection: Connection) => {
        const tables = new FullTextTables(connection);
        made.push(tables);
        return tables;
      },
    });
    const [tables] = made;
    if (tables === undefined) throw new Error('the base made no tables');
    this.#tables = tables;
    this.#statements = new Statements(this.connection);
  }

  search(query: TextQuery): Promise<TextPage> {
    return this.run(() => {
      assertLimit(query.limit, hitsMax);
      const cursor = query.after === null ? null : decodeCursor(query.after, query.sort);
      const phrases = parseQuery(query.query);
      if (phrases.length === 0) return { hits: [], next: null };
      return this.#page(query, phrases, cursor);
    });
  }

  override async health(): Promise<StoreHealth> {
    const health = await super.health();
    if (!health.ok || this.#tables.whole) return health;
    return { ok: false, detail: 'the text index was found damaged; repairing its records mends it' };
  }

  #page(query: TextQuery, phrases: readonly Phrase[], cursor: Cursor | null): TextPage {
    const { rows: numbered, index } = this.#tables.collection(query.entity);
    const { table } = numbered;
    const key = quoted(table.definition.key);
    const filters = filtersOf(query, key, this.clock.now());
    const order = orderOf(query.sort, key, cursor);
    // Materialised, because the score can only be computed beside the match.
    const sql = `WITH found AS MATERIALIZED (
        SELECT rowid AS found_number, bm25(${index.name}) AS rank_value FROM ${index.name} WHERE ${index.name} MATCH ?)
      SELECT ${table.columns}, rank_value
      FROM found JOIN ${table.name} ON ${table.name}.${quoted(numberColumn)} = found_number
      WHERE ${[...filters.conditions, ...order.conditions].join(' AND ')} ${order.by} LIMIT ?`;
    const expression = matchExpression(phrases, index.fields, wordsColumn);
    const bound = [expression, ...filters.bound, ...order.bound, query.limit + 1];
    const rows = this.#statements.get(sql).all(...bound) as FoundRow[];
    const page = rows.slice(0, query.limit);
    const hits = page.map((row) => hitOf(table.found(row).document, row.rank_value, index.fields, phrases));
    const last = rows.length > query.limit ? page.at(-1) : undefined;
    return { hits, next: last === undefined ? null : encodeCursor(query.sort, last, table.definition.key) };
  }
}

type FoundRow = { readonly rank_value: number } & Record<string, unknown>;

interface Conditions {
  readonly conditions: readonly string[];
  readonly bound: readonly (string | number)[];
}

/** Conditions beside the match. Expired documents that no purge has removed yet are not found (StoredRecord). */
function filtersOf(query: TextQuery, key: string, now: number): Conditions {
  const conditions = [`${key} NOT IN (SELECT id FROM _applied WHERE entity = ? AND expires_at <= ?)`];
  const bound: (string | number)[] = [query.entity, now];
  if (query.userId !== null) {
    conditions.push('user_id = ?');
    bound.push(query.userId);
  }
  if (query.analysisType !== null) {
    // Conversations have no type, so none is of the type that is asked for.
    conditions.push(query.entity === 'analysis' ? 'analysis_type = ?' : '? IS NULL');
    bound.push(query.analysisType);
  }
  return { conditions, bound };
}

/** Where a page ended: the time or rank of its last hit, and its id. */
type Cursor = readonly [string | number, string];

function orderOf(sort: TextQuery['sort'], key: string, cursor: Cursor | null): Conditions & { readonly by: string } {
  // A better rank is a smaller number.
  const [column, direction, beyond] = sort === 'newest' ? ['created_at', 'DESC', '<'] : ['rank_value', 'ASC', '>'];
  const by = `ORDER BY ${column} ${direction}, ${key} ${direction}`;
  if (cursor === null) return { by, conditions: [], bound: [] };
  return { by, conditions: [`(${column}, ${key}) ${beyond} (?, ?)`], bound: cursor };
}

function encodeCursor(sort: TextQuery['sort'], row: FoundRow, key: string): string {
  const place = sort === 'newest' ? row.created_at : row.rank_value;
  return Buffer.from(JSON.stringify([place, row[key]])).toString('base64url');
}

function decodeCursor(text: string, sort: TextQuery['sort']): Cursor {
  const wanted = sort === 'newest' ? 'string' : 'number';
  const place = parsed(Buffer.from(text, 'base64url').toString());
  if (Array.isArray(place) && place.length === 2) {
    const [first, id] = place as unknown[];
    if (typeof first === wanted && typeof id === 'string') return [first as string | number, id];
  }
  throw new MindoraError('invalid_cursor');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new MindoraError('invalid_cursor', undefined, { cause: error });
  }
}

function hitOf(document: Row, rank: number, fields: readonly string[], phrases: readonly Phrase[]): TextHit {
  const excerpts: Record<string, string> = {};
  for (const field of fields) {
    const excerpt = highlight(String(document[field] ?? ''), phrases);
    if (excerpt !== null) excerpts[field] = excerpt;
  }
  return { document, score: -rank, highlight: excerpts };
}
