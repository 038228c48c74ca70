import { documentOf, type Row } from '@mindora/contracts';
import { MindoraError } from '@mindora/runtime';
import {
  assertLimit,
  type Connection,
  decodeCursor,
  type EmbeddedOptions,
  EmbeddedTarget,
  encodeCursor,
  refusedContents,
  roleTables,
} from '../embedded/index.ts';
import type { Page } from '../relational/port.ts';
import { Collection } from './collection.ts';
import { type Necessity, type ParsedFilter, parseFilter } from './filter.ts';
import type { DocumentStore, FindQuery } from './port.ts';

export interface DocumentsOptions extends EmbeddedOptions {
  /** Documents that one query looks at before it gives up. */
  readonly examinedMax?: number;
}

/** Characters of documents that one query looks at before it gives up. */
const examinedCharactersMax = 64 * 1024 * 1024;

type CollectionName = FindQuery['entity'] | 'profile';

function collectionsOf(connection: Connection): Readonly<Record<CollectionName, Collection>> {
  const collection = (name: CollectionName) => new Collection(connection, documentOf('documents', name));
  return {
    conversation: collection('conversation'),
    analysis: collection('analysis'),
    profile: collection('profile'),
    ai_service_config: collection('ai_service_config'),
  };
}

/** The document store in one SQLite file (A2.6). */
export class SqliteDocuments extends EmbeddedTarget implements DocumentStore {
  readonly #collections: Readonly<Record<CollectionName, Collection>>;
  readonly #examinedMax: number;

  constructor(options: DocumentsOptions) {
    super({
      ...options,
      role: 'documents',
      engine: 'JSON',
      capabilities: { expires: true, volatile: false, dimensions: 0, refuses: refusedContents },
      tables: (connection) => roleTables(collectionsOf(connection)),
    });
    this.#collections = collectionsOf(this.connection);
    this.#examinedMax = options.examinedMax ?? 20_000;
  }

  find(query: FindQuery): Promise<Page> {
    return this.run(() => {
      assertLimit(query.limit);
      const filter = parseFilter(query.filter);
      return this.#pageOf(query.limit, this.#matching(query, filter));
    });
  }

  profile(userId: string): Promise<Row | null> {
    return this.run(() => {
      const document = this.#collections.profile.live(userId, this.clock.now());
      return document === null ? null : { _id: userId, ...document };
    });
  }

  #pageOf(limit: number, matching: Iterable<Row>): Page {
    const items: Row[] = [];
    for (const document of matching) {
      if (items.length === limit) return { items, next: placeOf(items.at(-1)) };
      items.push(document);
    }
    return { items, next: null };
  }

  /** Matches, newest first. @throws MindoraError `invalid_filter` where too many documents don't match */
  *#matching(query: FindQuery, filter: ParsedFilter): Generator<Row> {
    const collection = this.#collections[query.entity];
    const { sql, bound } = this.#candidates(query, filter.necessities);
    let examined = 0;
    let characters = 0;
    // Prepared for this call only: filters have too many shapes to keep a statement for each.
    for (const cells of this.connection.prepare(sql).iterate(...bound)) {
      examined += 1;
      characters += (cells as { json: string }).json.length;
      if (examined > this.#examinedMax || characters > examinedCharactersMax) throw tooBroad(collection);
      const { id, document } = collection.found(cells);
      const whole: Row = { _id: id, ...document };
      if (filter.matches(whole)) yield whole;
    }
  }

  #candidates(query: FindQuery, necessities: readonly Necessity[]): { sql: string; bound: (string | number)[] } {
    const collection = this.#collections[query.entity];
    const conditions = ['(expires_at IS NULL OR expires_at > ?)'];
    const bound: (string | number)[] = [this.clock.now()];
    if (query.userId !== null) {
      // Also where the collection has no owner: then nothing is the user's.
      conditions.push(collection.indexed.has('user_id') ? 'user_id = ?' : `json_extract(json, '$.user_id') = ?`);
      bound.push(query.userId);
    }
    for (const { field, operator, value } of necessities) {
      if (field !== '_id' && !collection.indexed.has(field)) continue;
      conditions.push(`"${field === '_id' ? 'id' : field}" ${operator} ?`);
      bound.push(value);
    }
    if (query.after !== null) {
      conditions.push('(created_at, id) < (?, ?)');
      bound.push(...decodeCursor(query.after, ['string', 'string']));
    }
    const where = conditions.join(' AND ');
    return { sql: `SELECT id, json FROM ${collection.name} WHERE ${where} ORDER BY created_at DESC, id DESC`, bound };
  }
}

function placeOf(document: Row | undefined): string {
  return encodeCursor([String(document?.created_at ?? ''), String(document?._id)]);
}

function tooBroad(collection: Collection): MindoraError {
  const fields = [...collection.indexed].join(', ');
  return new MindoraError('invalid_filter', `the filter looks at too many documents; narrow it by one of ${fields}`);
}
