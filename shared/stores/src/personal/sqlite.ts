import { join } from 'node:path';
import { documents, type EntityName, type RecordKey } from '@mindora/contracts';
import { type Clock, MindoraError } from '@mindora/runtime';
import {
  assertLimit,
  type Connection,
  closedError,
  type Found,
  type Line,
  mergePage,
  openDatabase,
  Register,
  refusedContents,
  type Stored,
  scrubDatabase,
  sqliteVersion,
  storedRecord,
  toStoreError,
} from '../embedded/index.ts';
import type { ApplyBatch, ApplyResult, ScanPage, StoredRecord, StoreHealth, StorePosition } from '../port.ts';
import type { Page } from '../relational/port.ts';
import { fileNameOf, UserFiles } from './files.ts';
import { planBatch } from './plan.ts';
import type { PersonalStore } from './port.ts';
import { Strays } from './strays.ts';
import { personalEntities } from './user-file.ts';

export interface PersonalOptions {
  readonly directory: string;
  readonly clock: Pick<Clock, 'now'>;
  readonly busyTimeoutMs?: number;
}

const purgedPerCommitMax = 500;
/** Documents in one answer of a scan. */
const contentPageMax = 500;
/** Of which layout the users' files are; with another one all of them are filled anew. */
const layout = JSON.stringify(documents.personal);

/**
 * One private file a user, and a register beside them (A2.8). A batch is committed in the users' files first and in
 * the register, with the position, last: whoever is killed in between applies the batch again, and the register still
 * lets it.
 */
export class SqlitePersonal implements PersonalStore {
  readonly role = 'personal';
  readonly engine: string;
  readonly capabilities = { expires: false, volatile: false, dimensions: 0, refuses: refusedContents } as const;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #index: Connection;
  readonly #register: Register;
  readonly #files: UserFiles;
  readonly #strays: Strays;

  constructor(options: PersonalOptions) {
    this.#clock = options.clock;
    const busy = options.busyTimeoutMs === undefined ? {} : { busyTimeoutMs: options.busyTimeoutMs };
    this.#index = openDatabase(join(options.directory, 'index.sqlite'), busy);
    this.engine = `SQLite ${sqliteVersion(this.#index)}, a file a user`;
    this.#register = new Register(this.#index);
    this.#files = new UserFiles(options.directory);
    this.#strays = new Strays(this.#files, this.#register);
  }

  migrate(): Promise<void> {
    return this.#commit(() => {
      this.#register.create();
      const held = this.#register.meta('layout');
      if (held !== null && held !== layout) this.#empty();
      this.#register.setMeta('layout', layout);
    });
  }

  apply(batch: ApplyBatch): Promise<ApplyResult[]> {
    return this.#run(() => {
      const plan = planBatch(batch.items, this.#register, (entity, id) => this.#strays.find(entity, id)?.owners ?? []);
      for (const [owner, changes] of this.#files.openFirst(plan.changes)) this.#write(owner, changes);
      const now = this.#clock.now();
      this.#transaction(() => {
        for (const item of plan.items) this.#register.put(item, now);
        for (const position of batch.positions) this.#register.advance(position);
      });
      return [...plan.results];
    });
  }

  get(keys: readonly RecordKey[]): Promise<(StoredRecord | null)[]> {
    return this.#run(() => {
      const now = this.#clock.now();
      return keys.map((key) => storedRecord(key.entity, this.#stored(key), now));
    });
  }

  scan(entity: EntityName, after: string | null, limit: number): Promise<ScanPage> {
    return this.#scan(entity, after, limit, true);
  }

  scanVersions(entity: EntityName, after: string | null, limit: number): Promise<ScanPage> {
    return this.#scan(entity, after, limit, false);
  }

  async refresh(): Promise<void> {
    await this.#run(() => this.#strays.look());
  }

  positions(): Promise<StorePosition[]> {
    return this.#run(() => this.#register.positions());
  }

  setPositions(positions: readonly StorePosition[]): Promise<void> {
    return this.#commit(() => {
      for (const position of positions) this.#register.setPosition(position);
    });
  }

  label(): Promise<string | null> {
    return this.#run(() => this.#register.meta('label'));
  }

  setLabel(label: string): Promise<void> {
    return this.#commit(() => this.#register.setMeta('label', label));
  }

  async purge(deletedBefore: number): Promise<number> {
    let purged = 0;
    for (;;) {
      const count = await this.#run(() => this.#purgeSome(deletedBefore));
      purged += count;
      if (count < purgedPerCommitMax) return purged;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async scrub(): Promise<void> {
    for (const name of await this.#run(() => this.#files.names())) {
      await this.#run(() => {
        const file = this.#files.named(name);
        if (file !== null) scrubDatabase(file.connection);
      });
      await new Promise((resolve) => setImmediate(resolve));
    }
    await this.#run(() => scrubDatabase(this.#index));
  }

  async health(): Promise<StoreHealth> {
    try {
      await this.#run(() => this.#register.meta('label'));
      return { ok: true, detail: this.engine };
    } catch (error) {
      return { ok: false, detail: (error as Error).message };
    }
  }

  async wipe(): Promise<void> {
    await this.#commit(() => {
      this.#register.create();
      this.#empty();
      this.#register.setMeta('layout', layout);
    });
    await this.scrub();
  }

  async close(): Promise<void> {
    if (!this.#index.open) return;
    this.#files.close();
    this.#index.close();
  }

  list(userId: string, entity: EntityName, limit: number, after: string | null): Promise<Page> {
    return this.#run(() => {
      assertLimit(limit);
      if (!personalEntities.includes(entity)) throw new MindoraError('invalid_request', 'no such content of users');
      return this.#files.find(userId)?.list(entity, limit, after) ?? { items: [], next: null };
    });
  }

  /** What sync did not write goes with the file. @throws MindoraError `conflict` where records of the user live */
  removeUser(userId: string): Promise<boolean> {
    return this.#run(() => {
      if (this.#register.hasLiving(userId)) throw new MindoraError('conflict', 'the user still has records here');
      const removed = this.#files.remove(fileNameOf(userId));
      this.#transaction(() => this.#register.disown(userId));
      return removed;
    });
  }

  async #run<T>(work: () => T | Promise<T>): Promise<T> {
    if (!this.#index.open) throw closedError(this.role);
    try {
      return await work();
    } catch (error) {
      throw toStoreError(error, this.role);
    }
  }

  #transaction<T>(work: () => T): T {
    return this.#index.transaction(work).immediate();
  }

  #commit<T>(work: () => T): Promise<T> {
    return this.#run(() => this.#transaction(work));
  }

  /** The files go first: what the register no longer knows of would be nobody's. */
  #empty(): void {
    for (const name of this.#files.names()) this.#files.remove(name);
    this.#strays.clear();
    this.#register.clear();
  }

  #write(owner: string, changes: Parameters<NonNullable<ReturnType<UserFiles['find']>>['write']>[0]): void {
    const brings = changes.some(({ document }) => document !== null);
    const file = brings ? this.#files.make(owner) : this.#files.find(owner);
    if (file === null) return;
    file.write(changes);
    if (file.empty) this.#files.remove(fileNameOf(owner));
  }

  async #scan(entity: EntityName, after: string | null, limit: number, withContent: boolean): Promise<ScanPage> {
    assertLimit(limit);
    return this.#pageAfter(entity, after, withContent ? Math.min(limit, contentPageMax) : limit, withContent);
  }

  async #pageAfter(entity: EntityName, after: string | null, limit: number, withContent: boolean): Promise<ScanPage> {
    if (after === null) await this.#run(() => this.#strays.look());
    return this.#run(() => {
      const lines = this.#register.range(entity, after, limit + 1);
      const strays = this.#strays.range(entity, after, limit + 1);
      const { stored, next } = mergePage(lines, { rows: strays, end: strays.length <= limit }, limit, true);
      const now = this.#clock.now();
      const read = byOwner(stored).map((one) => this.#completed(entity, one, withContent));
      const records = read.sort((a, b) => a.at - b.at).map(({ whole }) => storedRecord(entity, whole, now));
      return { records: records.filter((record) => record !== null), next };
    });
  }

  #stored({ entity, id }: RecordKey): Stored {
    const line = personalEntities.includes(entity) ? this.#register.line(entity, id) : null;
    return { id, line, found: this.#found(entity, id, line), present: null };
  }

  #completed(entity: EntityName, { at, id, line }: Placed, withContent: boolean): { at: number; whole: Stored } {
    if (withContent) return { at, whole: { id, line, found: this.#found(entity, id, line), present: null } };
    const owners = line?.owner == null ? (this.#strays.find(entity, id)?.owners ?? []) : [line.owner];
    const present = owners.some((owner) => this.#files.find(owner)?.has(entity, id));
    return { at, whole: { id, line, found: null, present } };
  }

  /** The document in the owner's file, or where it strayed to. */
  #found(entity: EntityName, id: string, line: Line | null): Found | null {
    const own = line?.owner == null ? null : (this.#files.find(line.owner)?.read(entity, id) ?? null);
    const others = (this.#strays.find(entity, id)?.owners ?? []).filter((owner) => owner !== line?.owner);
    const strayed = firstOf(others, (owner) => this.#files.find(owner)?.read(entity, id) ?? null);
    return own === null || strayed === null ? (own ?? strayed) : { ...own, fault: "another user's file holds it, too" };
  }

  #purgeSome(deletedBefore: number): number {
    const expired = this.#register.expired(this.#clock.now(), purgedPerCommitMax);
    const buried = this.#register.buried(deletedBefore, purgedPerCommitMax - expired.length);
    for (const { entity, id, owner } of expired)
      if (owner !== null) this.#write(owner, [{ entity, id, document: null }]);
    this.#transaction(() => {
      for (const { entity, id } of [...expired, ...buried]) this.#register.forget(entity, id);
    });
    const purged = expired.length + buried.length;
    if (purged > 0) this.#strays.forget();
    return purged;
  }
}

type Placed = Stored & { readonly at: number };

/** A page's records with those of one user together, so that each file is opened once. */
function byOwner(stored: readonly Stored[]): Placed[] {
  const placed = stored.map((one, at) => ({ ...one, at }));
  const owner = ({ line }: Placed): string => line?.owner ?? '';
  return placed.sort((a, b) => (owner(a) < owner(b) ? -1 : owner(a) > owner(b) ? 1 : a.at - b.at));
}

function firstOf<T, R>(values: readonly T[], read: (value: T) => R | null): R | null {
  for (const value of values) {
    const found = read(value);
    if (found !== null) return found;
  }
  return null;
}
