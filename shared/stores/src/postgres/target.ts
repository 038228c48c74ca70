/**
 * The part of a store that is the same for every role on PostgreSQL: the version guard, tombstones, positions, scans over
 * what sync wrote and what it did not. A role brings its tables, made from their definitions.
 */
import type { EntityName, RecordKey, Role } from '@mindora/contracts';
import { type Clock, MindoraError } from '@mindora/runtime';
import { assertLimit } from '../embedded/checks.ts';
import type {
  ApplyBatch,
  ApplyResult,
  Capabilities,
  ScanPage,
  StoredRecord,
  StoreHealth,
  StorePosition,
  Target,
} from '../port.ts';
import { keyOf } from '../records/plan.ts';
import { applyBatch, removeAll } from './apply.ts';
import { Database, longStatementMs, type Session } from './database.ts';
import { closedError, isLayoutError, toStoreError } from './errors.ts';
import { readPage, readRecords, readVersions } from './pages.ts';
import type { Tables } from './plan.ts';
import * as register from './register.ts';
import { rewriteTables, weakSettingsOf } from './server.ts';
import type { Table } from './table.ts';

export interface PostgresOptions {
  /** `postgres://user:password@host:5432/database`. */
  readonly url: string;
  readonly clock: Pick<Clock, 'now'>;
}

export interface PostgresRole extends PostgresOptions {
  readonly role: Role;
  readonly capabilities: Capabilities;
  readonly tables: Tables;
  /** Brings what the tables need, before they are made; what is said of the engine after "PostgreSQL x.y". */
  readonly prepare?: (session: Session) => Promise<Preparation>;
}

/** What a database has beside tables. */
export interface Preparation {
  /** For people, e.g. "pgvector 0.8.1". */
  readonly engine: string;
  /** The number of the type `vector` in this database. */
  readonly vectorOid: number;
}

/** Records that one commit of a purge removes. */
const purgedPerCommitMax = 500;
/** One migrate at a time in a database, whoever runs it. */
const migrationLock = 7_046_029_254;
const labelKey = 'label';
const retains = { what: 'write-ahead log, archives, backups', until: 'they are recycled or removed' };

/**
 * A {@link Target} on one PostgreSQL database. Roles extend it by their queries, which run inside {@link run}. It
 * connects with the first call, and migrates by itself where its tables turn out to be missing.
 */
export class PostgresTarget implements Target {
  readonly role: Role;
  readonly capabilities: Capabilities;
  protected readonly database: Database;
  readonly #options: PostgresRole;
  #serverVersion = '';
  #preparation: Preparation = { engine: '', vectorOid: 0 };
  #isMigrated = false;
  #migrating: Promise<void> | null = null;

  constructor(options: PostgresRole) {
    this.role = options.role;
    this.capabilities = { ...options.capabilities, retains };
    this.#options = options;
    this.database = new Database(options.url, options.role);
  }

  /** With versions once the server has told them. */
  get engine(): string {
    return ['PostgreSQL', this.#serverVersion, this.#preparation.engine].filter((part) => part !== '').join(' ');
  }

  /** Runs work on the database, migrated; what the engine throws becomes `store_unavailable`. */
  protected async run<T>(work: (database: Database) => Promise<T>): Promise<T> {
    if (this.database.isClosed) throw closedError(this.role);
    if (!this.#isMigrated) await this.migrate();
    try {
      return await work(this.database);
    } catch (error) {
      if (isLayoutError(error)) this.#isMigrated = false;
      throw toStoreError(error, this.role);
    }
  }

  #commit<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return this.run((database) => database.transaction(work));
  }

  migrate(): Promise<void> {
    this.#migrating ??= this.#migrate().finally(() => {
      this.#migrating = null;
    });
    return this.#migrating;
  }

  apply(batch: ApplyBatch): Promise<ApplyResult[]> {
    const { role, tables, clock } = this.#options;
    return this.run((database) => {
      const { vectorOid } = this.#preparation;
      return applyBatch({ role, tables, database, vectorOid, now: clock.now() }, batch);
    });
  }

  get(keys: readonly RecordKey[]): Promise<(StoredRecord | null)[]> {
    return this.run(async (database) => {
      const found = new Map<string, StoredRecord | null>();
      for (const [entity, some] of Map.groupBy(keys, (key) => key.entity)) {
        const table = this.#options.tables.get(entity);
        const ids = some.map(({ id }) => id);
        const query = { entity, ids, now: this.#options.clock.now() };
        const records = table === undefined ? [] : await database.session((s) => readRecords(s, table, query));
        for (const [i, id] of ids.entries()) found.set(keyOf({ entity, id }), records[i] ?? null);
      }
      return keys.map((key) => found.get(keyOf(key)) ?? null);
    });
  }

  scan(entity: EntityName, after: string | null, limit: number): Promise<ScanPage> {
    return this.#page(readPage, entity, after, limit);
  }

  scanVersions(entity: EntityName, after: string | null, limit: number): Promise<ScanPage> {
    return this.#page(readVersions, entity, after, limit);
  }

  /** What is committed is visible; indexes that somebody dropped are made again. */
  refresh(): Promise<void> {
    return this.run((database) =>
      database.transaction(
        async (session) => {
          for (const table of this.#options.tables.values()) await table.index(session);
        },
        { statementMs: longStatementMs },
      ),
    );
  }

  positions(): Promise<StorePosition[]> {
    return this.run((database) => database.session(register.readPositions));
  }

  setPositions(positions: readonly StorePosition[]): Promise<void> {
    return this.#commit(async (session) => {
      for (const position of positions) await register.setPosition(session, position);
    });
  }

  label(): Promise<string | null> {
    return this.run((database) => database.session((session) => register.readMeta(session, labelKey)));
  }

  setLabel(label: string): Promise<void> {
    return this.#commit((session) => register.setMeta(session, labelKey, label));
  }

  async purge(deletedBefore: number): Promise<number> {
    let purged = 0;
    for (;;) {
      const count = await this.#commit((session) => this.#purgeSome(session, deletedBefore));
      purged += count;
      if (count < purgedPerCommitMax) return purged;
    }
  }

  /**
   * Takes deleted rows out of the tables' files (see {@link rewriteTables}). What the server keeps elsewhere is not in
   * a store's hands: its write-ahead log until it is recycled, archives and backups.
   */
  scrub(): Promise<void> {
    const names = [...this.#options.tables.values()].map(({ name }) => name);
    return this.run((database) => rewriteTables(database, [...names, register.linesTable]));
  }

  async health(): Promise<StoreHealth> {
    try {
      await this.label();
      return { ok: true, detail: this.engine };
    } catch (error) {
      return { ok: false, detail: (error as Error).message };
    }
  }

  /** Asked before anything is made, so it needs no table. */
  async weakSettings(): Promise<string[]> {
    if (this.database.isClosed) throw closedError(this.role);
    await this.database.ensure();
    return weakSettingsOf(this.database);
  }

  wipe(): Promise<void> {
    return this.#commit(async (session) => {
      await lock(session);
      for (const table of this.#options.tables.values()) await table.drop(session);
      await register.dropRegister(session);
      await this.#create(session);
    });
  }

  close(): Promise<void> {
    return this.database.close();
  }

  async #migrate(): Promise<void> {
    await this.database.ensure();
    await this.database.transaction(
      async (session) => {
        await lock(session);
        this.#serverVersion = await serverVersion(session);
        this.#preparation = (await this.#options.prepare?.(session)) ?? this.#preparation;
        await this.#create(session);
      },
      { statementMs: longStatementMs },
    );
    this.#isMigrated = true;
  }

  async #create(session: Session): Promise<void> {
    await register.createRegister(session);
    for (const [entity, table] of this.#options.tables) await createTable(session, entity, table);
  }

  #page(read: typeof readPage, entity: EntityName, after: string | null, limit: number): Promise<ScanPage> {
    return this.run(async (database) => {
      assertLimit(limit);
      const table = this.#options.tables.get(entity);
      if (table === undefined) return { records: [], next: null };
      return database.session((session) =>
        read(session, table, { entity, after, limit, now: this.#options.clock.now() }),
      );
    });
  }

  async #purgeSome(session: Session, deletedBefore: number): Promise<number> {
    const expired = await register.forgetExpired(session, this.#options.clock.now(), purgedPerCommitMax);
    const buried = await register.forgetBuried(session, deletedBefore, purgedPerCommitMax - expired.length);
    await removeAll(this.#options.tables, session, [...expired, ...buried]);
    return expired.length + buried.length;
  }
}

/** Where content was lost with its table, the label goes: the store is not the one that sync filled, so sync fills it. */
async function createTable(session: Session, entity: EntityName, table: Table): Promise<void> {
  const outcome = await table.create(session);
  if (outcome === 'kept') return;
  if (outcome === 'absent' && !(await register.holdsLines(session, entity))) return;
  await register.forgetEntity(session, entity);
  await register.setMeta(session, labelKey, null);
}

async function lock(session: Session): Promise<void> {
  await session.query('SELECT pg_advisory_xact_lock($1)', [migrationLock]);
}

async function serverVersion(session: Session): Promise<string> {
  const [row] = await session.query<{ version: string; encoding: string }>(
    `SELECT current_setting('server_version') AS version, current_setting('server_encoding') AS encoding`,
  );
  if (row?.encoding !== 'UTF8') throw new MindoraError('store_unavailable', 'the database must have the encoding UTF8');
  // "16.11 (Debian 16.11-1)": the number is enough.
  return row.version.split(' ', 1)[0] ?? '';
}
