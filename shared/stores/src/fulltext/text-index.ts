/**
 * The FTS5 table of one collection: a column for each text field with its tokens, and one with its Chinese words.
 * The engine's own tokenizer only splits at spaces (`ascii` leaves all other characters alone): what is a word is
 * decided in segmentation/, for documents and queries alike.
 */
import type { DocumentDefinition, Row } from '@mindora/contracts';
import { type Connection, quoted, Statements } from '../embedded/index.ts';
import type { Numbered } from '../embedded/numbered.ts';
import { foldText } from '../segmentation/fold.ts';
import { segmentedText } from '../segmentation/tokens.ts';
import { chineseWordsIn } from '../segmentation/words.ts';

/** The column of Chinese words; a collection has no field of this name. */
export const wordsColumn = 'chinese_words';

/** Whether the engine says that a structure of its own is broken. */
export function isCorruption(error: unknown): boolean {
  return String((error as { code?: unknown } | null)?.code).startsWith('SQLITE_CORRUPT');
}

/** What a check found: nothing, the numbers of documents whose entries are wrong, or that it can't tell which. */
export type Damage = null | ReadonlySet<number> | 'all';

export class TextIndex {
  readonly name: string;
  readonly fields: readonly string[];
  readonly #connection: Connection;
  readonly #statements: Statements;
  readonly #collection: string;
  readonly #columns: readonly string[];

  constructor(connection: Connection, definition: DocumentDefinition) {
    this.#connection = connection;
    this.#statements = new Statements(connection);
    this.#collection = definition.collection;
    this.name = quoted(`${definition.collection}_text`);
    const texts = Object.entries(definition.fields).filter(([, type]) => type === 'text');
    this.fields = texts.map(([field]) => field);
    this.#columns = [...this.fields, wordsColumn];
  }

  create(): void {
    const columns = this.#columns.map(quoted).join(', ');
    // ASCII signs that tokens may hold: C++ and C# (segmentation/tokens.ts).
    const tokenize = `tokenize = "ascii tokenchars '+#'"`;
    this.#connection.exec(`CREATE VIRTUAL TABLE IF NOT EXISTS ${this.name} USING fts5(${columns}, ${tokenize})`);
  }

  drop(): void {
    this.#connection.exec(`DROP TABLE IF EXISTS ${this.name}`);
  }

  put(number: number, document: Row): void {
    this.remove(number);
    const places = this.#columns.map(() => '?').join(', ');
    const sql = `INSERT INTO ${this.name} (rowid, ${this.#columns.map(quoted).join(', ')}) VALUES (?, ${places})`;
    this.#statements.get(sql).run(number, ...this.#entry(document));
  }

  remove(number: number): void {
    this.#statements.get(`DELETE FROM ${this.name} WHERE rowid = ?`).run(number);
  }

  /** Makes the whole index anew from the documents. */
  refill(documents: Numbered): void {
    this.drop();
    this.create();
    for (const { number, document } of documents) this.put(number, document);
  }

  /** What of the stored tokens contradicts a document. */
  faultOf(number: number, document: Row): string | undefined {
    const sql = `SELECT ${this.#columns.map(quoted).join(', ')} FROM ${this.name} WHERE rowid = ?`;
    const cells = this.#statements.get(sql).raw().get(number) as unknown[] | undefined;
    if (cells === undefined) return 'the text index lacks the document';
    const same = this.#entry(document).every((text, index) => text === cells[index]);
    return same ? undefined : 'the text index holds another text';
  }

  /** Rows without a document. */
  orphans(table: string, column: string, limit: number): number[] {
    const sql = `SELECT rowid FROM ${this.name} WHERE rowid NOT IN (SELECT ${quoted(column)} FROM ${table}) LIMIT ?`;
    return this.#statements.get(sql).pluck().all(limit) as number[];
  }

  /** Checks the inverted index against the stored tokens; where they differ, says whose entries are wrong. */
  check(documents: Numbered): Damage {
    try {
      this.#connection.prepare(`INSERT INTO ${this.name} (${this.name}, rank) VALUES ('integrity-check', 1)`).run();
      return null;
    } catch (error) {
      if (!isCorruption(error)) throw error;
    }
    try {
      const damaged = this.#differing(documents);
      return damaged.size === 0 ? 'all' : damaged;
    } catch (error) {
      if (isCorruption(error)) return 'all';
      throw error;
    }
  }

  /** Merges all segments into one, which holds nothing of what was deleted. */
  optimize(): void {
    this.#connection.prepare(`INSERT INTO ${this.name} (${this.name}) VALUES ('optimize')`).run();
  }

  /** The engine only tells that something is wrong, so every entry is compared: rare, and linear in the index. */
  #differing(documents: Numbered): Set<number> {
    const found = this.#digests();
    const damaged = new Set<number>();
    for (const { number, document } of documents) {
      const same = found.get(number) === this.#digest(document) && this.faultOf(number, document) === undefined;
      if (!same) damaged.add(number);
      found.delete(number);
    }
    for (const number of found.keys()) damaged.add(number);
    return damaged;
  }

  /** By number, a sum over all entries of the inverted index: independent of their order. */
  #digests(): Map<number, number> {
    const vocabulary = quoted(`${this.#collection}_text_entries`);
    this.#connection.exec(
      `CREATE VIRTUAL TABLE temp.${vocabulary} USING fts5vocab('main', '${this.#collection}_text', 'instance')`,
    );
    try {
      const sums = new Map<number, number>();
      const sql = `SELECT doc, col, "offset", term FROM temp.${vocabulary}`;
      for (const cells of this.#connection.prepare(sql).raw().iterate()) {
        const [number, column, offset, term] = cells as [number, string, number, string];
        sums.set(number, added(sums.get(number), column, offset, term));
      }
      return sums;
    } finally {
      this.#connection.exec(`DROP TABLE temp.${vocabulary}`);
    }
  }

  #digest(document: Row): number | undefined {
    let sum: number | undefined;
    for (const [index, text] of this.#entry(document).entries()) {
      const tokens = text === '' ? [] : text.split(' ');
      for (const [offset, term] of tokens.entries()) sum = added(sum, this.#columns[index] ?? '', offset, term);
    }
    return sum;
  }

  #entry(document: Row): string[] {
    const folded = this.fields.map((field) => foldText(String(document[field] ?? '')));
    return [...folded.map(segmentedText), folded.flatMap(chineseWordsIn).join(' ')];
  }
}

/** FNV-1a of one entry, added modulo 2^32. */
function added(sum: number | undefined, column: string, offset: number, term: string): number {
  let hash = 0x811c9dc5;
  const entry = `${column}:${offset}:${term}`;
  for (let i = 0; i < entry.length; i++) hash = Math.imul(hash ^ entry.charCodeAt(i), 0x01000193);
  return ((sum ?? 0) + (hash >>> 0)) >>> 0;
}
