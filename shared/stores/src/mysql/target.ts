/**
 * The part of a store that is the same for every role on MySQL and MariaDB: the version guard, tombstones, positions,
 * scans over what sync wrote and what it did not. A role brings its tables, made from their definitions.
 */
import type { EntityName, RecordKey, Role } from '@mindora/contracts';
import { type Clock, toMindoraError } from '@mindora/runtime';
import { assertLimit } from '../embedded/checks.ts';
import { closedError } from '../embedded/errors.ts';
import { mergePage, storedRecord } from '../embedded/page.ts';
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
import { weakSettings } from '../primary/mysql/settings.ts';
import { keyOf } from '../records/plan.ts';
import { applyBatch } from './apply.ts';
import { Database, type Session } from './database.ts';
import * as register from './register.ts';
import type { Table } from './table.ts';

export interface MysqlOptions {
  /** `mysql://user:password@host:3306/database`; the database exists. */
  readonly url: string;
  readonly clock: Pick<Clock, 'now'>;
}

export interface MysqlRole extends MysqlOptions {
  readonly role: Role;
  readonly capabilities: Capabilities;
  readonly tables: ReadonlyMap<EntityName, Table>;
}

/** Records that one commit of a purge removes. */
const purgedPerCommitMax = 500;
const labelName = 'label';
const retains = { what: 'redo log, binary log, backups', until: 'they are overwritten or expire' };

/** A {@link Target} on one database of MySQL or MariaDB. Roles extend it by their queries, which run inside {@link run}. */
export class MysqlTarget implements Target {
  readonly role: Role;
  readonly capabilities: Capabilities;
  protected readonly database: Database;
  readonly #options: MysqlRole;
  #engine = 'MySQL';
  #isMigrated = false;
  #migrating: Promise<void> | null = null;

  constructor(options: MysqlRole) {
    this.role = options.role;
    this.capabilities = { ...options.capabilities, retains };
    this.#options = options;
    this.database = new Database(options.url, options.role);
  }

  /** Of which of the two it is once the server has told. */
  get engine(): string {
    return this.#engine;
  }

  /** Runs work on the database, migrated. */
  protected async run<T>(work: (database: Database) => Promise<T>): Promise<T> {
    if (this.database.isClosed) throw closedError(this.role);
    if (!this.#isMigrated) await this.migrate();
    try {
      return await work(this.database);
    } catch (thrown) {
      const error = toMindoraError(thrown);
      // Also where the tables are gone: the next call makes them again.
      if (error.code === 'store_unavailable') this.#isMigrated = false;
      throw error;
    }
  }

  migrate(): Promise<void> {
    this.#migrating ??= this.#migrate().finally(() => {
      this.#migrating = null;
    });
    return this.#migrating;
  }

  async #migrate(): Promise<void> {
    if (this.database.isClosed) throw closedError(this.role);
    await this.database.session(async (session) => {
      const { flavour, version } = session;
      this.#engine = `${flavour.name} ${/^[\d.]+/.exec(version)?.[0] ?? ''}`.trim();
      await register.createRegister(session);
      for (const [entity, table] of this.#options.tables) await createTable(session, entity, table);
    });
    this.#isMigrated = true;
  }

  apply(batch: ApplyBatch): Promise<ApplyResult[]> {
    const { role, tables, clock } = this.#options;
    return this.run((database) => applyBatch({ role, tables, database, now: clock.now() }, batch));
  }

  get(keys: readonly RecordKey[]): Promise<(StoredRecord | null)[]> {
    return this.run((database) =>
      database.snapshot(async (session) => {
        const found = new Map<string, StoredRecord | null>();
        for (const [entity, some] of Map.groupBy(keys, (key) => key.entity)) {
          const ids = some.map(({ id }) => id);
          for (const [key, record] of await this.#read(session, entity, ids)) found.set(key, record);
        }
        return keys.map((key) => found.get(keyOf(key)) ?? null);
      }),
    );
  }

  async #read(session: Session, entity: EntityName, ids: readonly string[]): Promise<[string, StoredRecord | null][]> {
    const table = this.#options.tables.get(entity);
    if (table === undefined) return [];
    const lines = await register.linesOf(session, entity, ids);
    const documents = await table.read(session, ids);
    const now = this.#options.clock.now();
    return ids.map((id) => {
      const stored = { id, line: lines.get(id) ?? null, found: documents.get(id) ?? null, present: null };
      return [keyOf({ entity, id }), storedRecord(entity, stored, now)];
    });
  }

  scan(entity: EntityName, after: string | null, limit: number): Promise<ScanPage> {
    return this.#page(entity, after, limit, async (session, table) => table.range(session, after, limit + 1), false);
  }

  scanVersions(entity: EntityName, after: string | null, limit: number): Promise<ScanPage> {
    return this.#page(
      entity,
      after,
      limit,
      async (session, table) => {
        const ids = await table.ids(session, after, limit + 1);
        return { rows: ids.map((id) => ({ id })), end: ids.length <= limit };
      },
      true,
    );
  }

  #page(
    entity: EntityName,
    after: string | null,
    limit: number,
    read: (session: Session, table: Table) => Promise<Parameters<typeof mergePage>[1]>,
    idsOnly: boolean,
  ): Promise<ScanPage> {
    return this.run(async (database) => {
      assertLimit(limit);
      const table = this.#options.tables.get(entity);
      if (table === undefined) return { records: [], next: null };
      return database.snapshot(async (session) => {
        const lines = await register.readLines(session, entity, after, limit + 1);
        const { stored, next } = mergePage(lines, await read(session, table), limit, idsOnly);
        const now = this.#options.clock.now();
        const records = stored.map((one) => storedRecord(entity, one, now)).filter((record) => record !== null);
        return { records, next };
      });
    });
  }

  /** What is committed is visible, and the engine keeps its indexes itself. */
  refresh(): Promise<void> {
    return this.run(async () => undefined);
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
    return this.run((database) => database.session((session) => register.readMeta(session, labelName)));
  }

  setLabel(label: string): Promise<void> {
    return this.#commit((session) => register.setMeta(session, labelName, label));
  }

  async purge(deletedBefore: number): Promise<number> {
    let purged = 0;
    for (;;) {
      const count = await this.#commit((session) => this.#purgeSome(session, deletedBefore));
      purged += count;
      if (count < purgedPerCommitMax) return purged;
    }
  }

  async #purgeSome(session: Session, deletedBefore: number): Promise<number> {
    const { clock, tables } = this.#options;
    const keys = await register.ended(session, clock.now(), deletedBefore, purgedPerCommitMax);
    for (const [entity, some] of Map.groupBy(keys, (key) => key.entity)) {
      await tables.get(entity)?.remove(
        session,
        some.map(({ id }) => id),
      );
    }
    await register.forgetLines(session, keys);
    return keys.length;
  }

  /**
   * Writes the tables anew, without what was deleted from them. What the server keeps elsewhere is not in a store's
   * hands: its logs until they are recycled, binary logs and backups until they expire.
   */
  scrub(): Promise<void> {
    return this.run((database) =>
      database.session(async (session) => {
        for (const name of ['_applied', ...[...this.#options.tables.values()].map((table) => table.name)]) {
          await session.all(`OPTIMIZE TABLE ${name}`, []);
        }
      }),
    );
  }

  async health(): Promise<StoreHealth> {
    try {
      await this.label();
      return { ok: true, detail: this.engine };
    } catch (thrown) {
      return { ok: false, detail: toMindoraError(thrown).message };
    }
  }

  /** Rights of the account don't matter here: what somebody empties is filled again. */
  async weakSettings(): Promise<string[]> {
    if (this.database.isClosed) throw closedError(this.role);
    const weak = await this.database.session((session) =>
      weakSettings({
        all: (text, values = []) => session.all(text, values),
        run: (text, values = []) => session.run(text, values),
      }),
    );
    return weak.filter((setting) => !setting.startsWith('the account '));
  }

  wipe(): Promise<void> {
    return this.#commit(async (session) => {
      for (const table of this.#options.tables.values()) await session.run(`DELETE FROM ${table.name}`, []);
      await register.emptyRegister(session);
    });
  }

  close(): Promise<void> {
    return this.database.close();
  }

  #commit<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return this.run((database) => database.transaction(work));
  }
}

/** Where content was lost with its table, the label goes: the store is not the one that sync filled, so sync fills it. */
async function createTable(session: Session, entity: EntityName, table: Table): Promise<void> {
  const outcome = await table.create(session);
  if (outcome === 'kept') return;
  const held = await register.forgetEntity(session, entity);
  if (outcome === 'replaced' || held) await register.setMeta(session, labelName, null);
}
