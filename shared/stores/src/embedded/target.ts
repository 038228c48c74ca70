/**
 * The part of a store that is the same for every role on SQLite: the version guard, tombstones, positions, scans over
 * what sync wrote and what it did not, and the file itself. A role brings its tables.
 */
import { type EntityName, entitiesOf, type RecordKey, type Role, type Row } from '@mindora/contracts';
import type { Clock } from '@mindora/runtime';
import type {
  ApplyBatch,
  ApplyItem,
  ApplyResult,
  Capabilities,
  ScanPage,
  StoredRecord,
  StoreHealth,
  StorePosition,
  Target,
} from '../port.ts';
import { assertItem, assertLimit } from './checks.ts';
import { type Connection, type DatabaseOptions, openDatabase, scrubDatabase, sqliteVersion } from './database.ts';
import { closedError, refusalOf, toStoreError } from './errors.ts';
import { mergePage, storedRecord } from './page.ts';
import { type OwnedKey, Register } from './register.ts';
import type { Found, Range } from './table.ts';

/** An item that brings a document. */
export type PresentItem = ApplyItem & { readonly document: Row };

/** What a role brings: its tables, in the connection it was made with. All of it runs inside a transaction. */
export interface RoleTables {
  /** Makes what is missing; entities whose content had to be dropped for it (another layout or dimension). */
  create(): readonly EntityName[];
  /** Drops everything that {@link create} makes. */
  drop(): void;
  /** Writes a document in place of what is there. @throws ContentError where the engine can't hold it */
  put(item: PresentItem): void;
  /** Removes all that belongs to a record, whether or not sync wrote it. */
  remove(entity: EntityName, id: string): void;
  /** Reads a document from the columns that queries use. */
  read(entity: EntityName, id: string): Found | null;
  /** Documents with an id above `after` in the order of ids, at most `limit`. */
  range(entity: EntityName, after: string | null, limit: number): Range;
  /** Only the ids. */
  ids(entity: EntityName, after: string | null, limit: number): string[];
  /** Checks or mends the role's own indexes before a comparison. */
  refresh?(): void;
  /** Rewrites indexes that keep deleted content inside, before the file is rewritten. Outside of a transaction. */
  scrub?(): void;
}

export interface EmbeddedOptions {
  readonly file: string;
  readonly clock: Pick<Clock, 'now'>;
  readonly busyTimeoutMs?: number;
}

export interface EmbeddedRole extends EmbeddedOptions {
  readonly role: Role;
  /** What is said of the engine after "SQLite x.y.z". */
  readonly engine?: string;
  readonly capabilities: Capabilities;
  readonly tables: (connection: Connection) => RoleTables;
  readonly prepare?: DatabaseOptions['prepare'];
}

/** Expired records that one batch removes on its way. */
const sweptPerBatchMax = 100;
/** Records that one commit of a purge removes; other calls come between two of them. */
const purgedPerCommitMax = 500;

/** A {@link Target} on one SQLite file. Roles extend it by their queries, which run inside {@link run}. */
export class EmbeddedTarget implements Target {
  readonly role: Role;
  readonly engine: string;
  readonly capabilities: Capabilities;
  protected readonly connection: Connection;
  protected readonly register: Register;
  protected readonly clock: Pick<Clock, 'now'>;
  readonly #tables: RoleTables;
  readonly #entities: readonly EntityName[];
  readonly #savepoint: (item: ApplyItem, now: number) => void;

  constructor(options: EmbeddedRole) {
    this.role = options.role;
    this.capabilities = options.capabilities;
    this.clock = options.clock;
    this.#entities = entitiesOf(options.role);
    this.connection = openDatabase(options.file, {
      synchronous: 'NORMAL',
      ...(options.busyTimeoutMs === undefined ? {} : { busyTimeoutMs: options.busyTimeoutMs }),
      ...(options.prepare === undefined ? {} : { prepare: options.prepare }),
    });
    this.engine = ['SQLite', sqliteVersion(this.connection), ...(options.engine ? [options.engine] : [])].join(' ');
    this.register = new Register(this.connection);
    this.#tables = options.tables(this.connection);
    this.#savepoint = this.connection.transaction((item: ApplyItem, now: number) => this.#write(item, now));
  }

  /** Runs work on the connection; what the engine throws becomes `store_unavailable`. */
  protected async run<T>(work: () => T): Promise<T> {
    if (!this.connection.open) throw closedError(this.role);
    try {
      return work();
    } catch (error) {
      throw toStoreError(error, this.role);
    }
  }

  /** Runs work in one commit. */
  protected commit<T>(work: () => T): Promise<T> {
    return this.run(() => this.connection.transaction(work).immediate());
  }

  migrate(): Promise<void> {
    return this.commit(() => this.#create());
  }

  apply(batch: ApplyBatch): Promise<ApplyResult[]> {
    return this.commit(() => {
      const now = this.clock.now();
      const results = batch.items.map((item) => this.#applyOne(item, now));
      for (const position of batch.positions) this.register.advance(position);
      for (const key of this.register.expired(now, sweptPerBatchMax)) this.#forget(key);
      return results;
    });
  }

  get(keys: readonly RecordKey[]): Promise<(StoredRecord | null)[]> {
    return this.run(() => keys.map((key) => this.#get(key)));
  }

  scan(entity: EntityName, after: string | null, limit: number): Promise<ScanPage> {
    return this.run(() => this.#page(entity, after, limit, false));
  }

  scanVersions(entity: EntityName, after: string | null, limit: number): Promise<ScanPage> {
    return this.run(() => this.#page(entity, after, limit, true));
  }

  refresh(): Promise<void> {
    return this.commit(() => this.#tables.refresh?.());
  }

  positions(): Promise<StorePosition[]> {
    return this.run(() => this.register.positions());
  }

  setPositions(positions: readonly StorePosition[]): Promise<void> {
    return this.commit(() => {
      for (const position of positions) this.register.setPosition(position);
    });
  }

  label(): Promise<string | null> {
    return this.run(() => this.register.meta('label'));
  }

  setLabel(label: string): Promise<void> {
    return this.commit(() => this.register.setMeta('label', label));
  }

  async purge(deletedBefore: number): Promise<number> {
    let purged = 0;
    for (;;) {
      const count = await this.commit(() => this.#purgeSome(deletedBefore));
      purged += count;
      if (count < purgedPerCommitMax) return purged;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  scrub(): Promise<void> {
    return this.run(() => {
      this.#tables.scrub?.();
      scrubDatabase(this.connection);
    });
  }

  async health(): Promise<StoreHealth> {
    try {
      await this.run(() => this.register.meta('label'));
      return { ok: true, detail: this.engine };
    } catch (error) {
      return { ok: false, detail: (error as Error).message };
    }
  }

  async wipe(): Promise<void> {
    await this.commit(() => {
      this.#tables.drop();
      this.register.create();
      this.register.clear();
      this.#create();
    });
    await this.scrub();
  }

  async close(): Promise<void> {
    if (this.connection.open) this.connection.close();
  }

  #create(): void {
    this.register.create();
    const dropped = this.#tables.create();
    for (const entity of dropped) this.register.forgetEntity(entity);
    // Without its label the store is not the one that sync filled, so sync fills it again.
    if (dropped.length > 0) this.register.setMeta('label', null);
  }

  #applyOne(item: ApplyItem, now: number): ApplyResult {
    const held = this.#entities.includes(item.entity) ? this.register.line(item.entity, item.id) : null;
    if (held !== null && held.version > item.version) return { outcome: 'stale', version: held.version };
    try {
      // Inside a transaction this is a savepoint: what an item did before it was refused is undone with it.
      this.#savepoint(item, now);
      return { outcome: 'applied' };
    } catch (error) {
      const reason = refusalOf(error);
      if (reason === null || !this.connection.inTransaction) throw error;
      return { outcome: 'refused', reason };
    }
  }

  #write(item: ApplyItem, now: number): void {
    assertItem(this.role, item);
    if (item.document === null) this.#tables.remove(item.entity, item.id);
    else this.#tables.put({ ...item, document: item.document });
    this.register.put(item, now);
  }

  #get({ entity, id }: RecordKey): StoredRecord | null {
    if (!this.#entities.includes(entity)) return null;
    const line = this.register.line(entity, id);
    return storedRecord(entity, { id, line, found: this.#tables.read(entity, id), present: null }, this.clock.now());
  }

  #page(entity: EntityName, after: string | null, limit: number, idsOnly: boolean): ScanPage {
    assertLimit(limit);
    if (!this.#entities.includes(entity)) return { records: [], next: null };
    const now = this.clock.now();
    const lines = this.register.range(entity, after, limit + 1);
    const rows = idsOnly ? this.#idRange(entity, after, limit) : this.#tables.range(entity, after, limit);
    const { stored, next } = mergePage(lines, rows, limit, idsOnly);
    const records = stored.map((one) => storedRecord(entity, one, now)).filter((record) => record !== null);
    return { records, next };
  }

  #idRange(entity: EntityName, after: string | null, limit: number): IdRange {
    const ids = this.#tables.ids(entity, after, limit + 1);
    return { rows: ids.slice(0, limit).map((id) => ({ id })), end: ids.length <= limit };
  }

  #purgeSome(deletedBefore: number): number {
    const expired = this.register.expired(this.clock.now(), purgedPerCommitMax);
    const buried = this.register.buried(deletedBefore, purgedPerCommitMax - expired.length);
    for (const key of [...expired, ...buried]) this.#forget(key);
    return expired.length + buried.length;
  }

  #forget({ entity, id }: OwnedKey): void {
    this.#tables.remove(entity, id);
    this.register.forget(entity, id);
  }
}

type IdRange = { readonly rows: readonly { readonly id: string }[]; readonly end: boolean };
