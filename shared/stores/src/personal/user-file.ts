import { documentOf, type EntityName, entitiesOf, type Row } from '@mindora/contracts';
import { MindoraError } from '@mindora/runtime';
import {
  type Connection,
  decodeCursor,
  encodeCursor,
  type Found,
  openDatabase,
  Statements,
  Table,
} from '../embedded/index.ts';
import type { Page } from '../relational/port.ts';

/** The entities of which a user's own records are kept. */
export const personalEntities = entitiesOf('personal');

/** One change of a user's file; `document` null removes. */
export interface UserChange {
  readonly entity: EntityName;
  readonly id: string;
  readonly document: Row | null;
}

/** The private file of one user: its records in typed tables, and whose it is. */
export class UserFile {
  readonly connection: Connection;
  readonly #tables: ReadonlyMap<EntityName, Table>;
  readonly #statements: Statements;

  /**
   * @param owner the user, or null to read it from the file
   * @throws MindoraError `store_unavailable` where the file can't be opened or is another user's
   */
  constructor(file: string, owner: string | null) {
    this.connection = openDatabase(file);
    this.#statements = new Statements(this.connection);
    this.#tables = new Map(
      personalEntities.map((name) => [name, new Table(this.connection, documentOf('personal', name))]),
    );
    try {
      this.connection.transaction(() => this.#create(owner)).immediate();
    } catch (error) {
      this.connection.close();
      throw error;
    }
  }

  /** The user; null in a file that was never written. */
  get owner(): string | null {
    const owner = this.#statements.get('SELECT user_id FROM _owner').pluck().get();
    return (owner as string | undefined) ?? null;
  }

  get empty(): boolean {
    return [...this.#tables.values()].every(
      ({ name }) => this.#statements.get(`SELECT EXISTS (SELECT 1 FROM ${name})`).pluck().get() === 0,
    );
  }

  /** Applies changes in one commit. */
  write(changes: readonly UserChange[]): void {
    this.connection
      .transaction(() => {
        for (const { entity, id, document } of changes) {
          if (document === null) this.#table(entity).remove(id);
          else this.#table(entity).put(document);
        }
      })
      .immediate();
  }

  read(entity: EntityName, id: string): Found | null {
    return this.#table(entity).read(id);
  }

  has(entity: EntityName, id: string): boolean {
    return this.#table(entity).rowid(id) !== null;
  }

  ids(entity: EntityName, after: string | null, limit: number): string[] {
    return this.#table(entity).ids(after, limit);
  }

  /** Newest first. @throws MindoraError `invalid_cursor` */
  list(entity: EntityName, limit: number, after: string | null): Page {
    const table = this.#table(entity);
    const key = table.definition.key;
    const place = after === null ? [] : decodeCursor(after, ['string', 'string']);
    const sql = `SELECT ${table.columns} FROM ${table.name}
      WHERE ${place.length === 0 ? 'TRUE' : `(created_at, "${key}") < (?, ?)`}
      ORDER BY created_at DESC, "${key}" DESC LIMIT ?`;
    const found = this.#statements
      .get(sql)
      .all(...place, limit + 1)
      .map((cells) => table.found(cells));
    const items = found.slice(0, limit);
    const last = items.at(-1);
    const next = found.length > limit && last ? encodeCursor([String(last.document.created_at), last.id]) : null;
    return { items: items.map(({ document }) => document), next };
  }

  close(): void {
    this.connection.close();
  }

  #create(owner: string | null): void {
    this.connection.exec('CREATE TABLE IF NOT EXISTS _owner (user_id TEXT PRIMARY KEY NOT NULL) STRICT');
    for (const table of this.#tables.values()) table.create();
    if (owner === null) return;
    this.connection.prepare('INSERT INTO _owner SELECT ? WHERE NOT EXISTS (SELECT 1 FROM _owner)').run(owner);
    if (this.owner !== owner) throw new MindoraError('store_unavailable', "a user's file belongs to another user");
  }

  #table(entity: EntityName): Table {
    const table = this.#tables.get(entity);
    if (table === undefined) throw new RangeError('no table of this entity');
    return table;
  }
}
