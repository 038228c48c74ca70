/** The primary in the thread that it is opened in. Other threads use it through `client.ts`. */
import { type EntityName, entityNames, type RecordKey } from '@mindora/contracts';
import { type Clock, MindoraError, type Random, systemClock, systemRandom } from '@mindora/runtime';
import { Committer, type CommitterLimits } from './committer.ts';
import type { Dialect } from './dialect.ts';
import { engineOf } from './dialects.ts';
import { assignEmbeddings, deleteUnused } from './embedding-writes.ts';
import { insertFirstData } from './first-data.ts';
import { type LedgerReads, openLedgerReads, versionsOf } from './ledger-reads.ts';
import * as writes from './ledger-writes.ts';
import type { PrimaryLocation } from './location.ts';
import { clearMarks, linesPerStep, markSome, touchRecord } from './marking.ts';
import { Marks } from './marks.ts';
import { migrationNames } from './migrations/index.ts';
import type {
  ApiKey,
  Mutation,
  Primary,
  PrimaryLedger,
  PrimaryRecords,
  PublishedTo,
  UnitResult,
  Written,
} from './port.ts';
import { apiKeyByHash, apiKeysOf, findRows } from './records.ts';
import { decodeRow, definitionOf, storedRow } from './rows.ts';
import { Snapshots } from './snapshots.ts';
import { chunks, inTransaction, type Sql } from './sql.ts';
import { insertionOf } from './together.ts';
import { ensureTriggers } from './triggers.ts';
import { refuseErasedUser, runUnit, type UnitContext, unitMutationsMax } from './units.ts';
import { setUnreadableAside } from './unreadable.ts';

/** How often changes by other processes are looked for; they are told within 250 ms. */
const foreignPollMs = 100;
const unitsMax = 1000;

/** A file's directory exists; a server's database exists, and may be empty. */
export type PrimaryOptions = PrimaryLocation & {
  readonly clock?: Clock;
  readonly random?: Random;
  readonly limits?: CommitterLimits;
};

/** The primary with what a thread needs to serve it to others. */
export interface LocalPrimary extends Primary {
  /** A number that changes with every marking commit; answers when it isn't `since` any more, or after `timeoutMs`. */
  nextMarks(since: number, timeoutMs: number): Promise<number>;
}

interface Parts {
  readonly place: string;
  readonly context: UnitContext;
  /** Of what services write. */
  readonly committer: Committer;
  /** Of what sync writes: on a server beside the other, so that neither waits for the round trips of the other. */
  readonly syncCommitter: Committer;
  readonly near: Snapshots;
  readonly marks: Marks;
  readonly allowUnsafe: boolean;
}

/**
 * Opens a file, making it if there is none, or prepares to use a server, which may be away. Call `migrate` before
 * anything else; on a server, writes are refused until it was done.
 */
export async function openPrimary(options: PrimaryOptions): Promise<LocalPrimary> {
  const { dialect, place } = engineOf(options);
  const context: UnitContext = {
    dialect,
    clock: options.clock ?? systemClock(),
    random: options.random ?? systemRandom(),
  };
  const connection = await dialect.openWriter(place);
  const marks = new Marks(context.clock.now());
  const committer = new Committer(connection, context, () => marks.raise(), options.limits);
  const ownConnection = dialect.isServer ? await dialect.openWriter(place) : null;
  const syncCommitter =
    ownConnection === null ? committer : new Committer(ownConnection, context, () => marks.raise(), options.limits);
  const near = new Snapshots(place, dialect);
  const ledgerReads = openLedgerReads(place, dialect);
  const allowUnsafe = options.kind === 'mysql' && options.allowUnsafe === true;
  const parts: Parts = { place, context, committer, syncCommitter, near, marks, allowUnsafe };
  // The counter of SQLite is one of the connection; on a server the writer's may be inside a transaction.
  const look = () =>
    dialect.isServer ? near.readOne((sql) => dialect.foreignChanges(sql)) : dialect.foreignChanges(connection);
  const stopWatching = await watchForeign(look, context, marks);
  let closing: Promise<void> | null = null;
  return {
    get engine() {
      return dialect.engine;
    },
    scrubs: dialect.scrubs,
    records: recordsOf(parts),
    ledger: ledgerOf(parts, ledgerReads.reads),
    migrate: () => migrate(parts),
    health: () => health(parts),
    weakSettings: () => weakSettings(parts),
    nextMarks: (since, timeoutMs) => marks.next(since, timeoutMs, context.clock),
    close() {
      closing ??= (async () => {
        stopWatching();
        await Promise.all([committer.close(), syncCommitter.close()]);
        marks.raise();
        await Promise.all([near.close(), ledgerReads.close()]);
        await Promise.all([connection.close(), ownConnection?.close()]);
      })();
      return closing;
    },
  };
}

async function watchForeign(
  look: () => Promise<number>,
  { dialect, clock }: UnitContext,
  marks: Marks,
): Promise<() => void> {
  // A server need not be there yet; a file that can't be read is told at once.
  let last = dialect.isServer ? 0 : await look();
  return clock.every(foreignPollMs, async () => {
    // Where the question fails, waking once too often does no harm.
    const seen = await look().catch(() => Number.NaN);
    if (Object.is(seen, last)) return;
    last = seen;
    marks.raise();
  });
}

async function migrate(parts: Parts): Promise<void> {
  const { place, context, committer, syncCommitter, marks } = parts;
  const { dialect } = context;
  const weak = parts.allowUnsafe ? [] : await weakSettings(parts);
  if (weak.length > 0) {
    throw new MindoraError('store_unavailable', `the primary is refused, it could lose writes: ${weak.join('; ')}`);
  }
  await committer.alone((connection) =>
    dialect.exclusively(connection, async () => {
      if (!(await isUpToDate(connection, dialect))) await runMigrations(place, dialect);
      await ensureTriggers(connection, dialect);
      await inTransaction(connection, () => insertFirstData(connection, context));
    }),
  );
  committer.admit();
  syncCommitter.admit();
  marks.raise();
}

/** Whether all migrations have run, found out without loading TypeORM: that takes time and memory at every start. */
async function isUpToDate(sql: Sql, dialect: Dialect): Promise<boolean> {
  try {
    const done = await sql.all('SELECT "name" FROM "_migrations"');
    const names = new Set(done.map((row) => row.name));
    return migrationNames(dialect).every((name) => names.has(name));
  } catch (thrown) {
    // A new database has no such table.
    if (dialect.isMissingTable(thrown)) return false;
    throw thrown;
  }
}

async function runMigrations(place: string, dialect: Dialect): Promise<void> {
  const { openSchema } = await import('./schema.ts');
  const source = await openSchema(place, dialect);
  try {
    await source.runMigrations();
  } finally {
    await source.destroy();
  }
}

/** Of the writer's own connection: what a session sets may differ between connections. */
function weakSettings({ context, committer }: Parts): Promise<string[]> {
  return committer.alone((connection) => context.dialect.weakSettings(connection));
}

async function health(parts: Parts): Promise<{ ok: boolean; detail: string }> {
  const { context, near } = parts;
  try {
    await near.readOne((sql) => sql.all('SELECT 1 FROM "_ledger" LIMIT 1'));
    const weak = parts.allowUnsafe ? [] : await weakSettings(parts);
    return { ok: weak.length === 0, detail: weak.length === 0 ? 'ok' : weak.join('; ') };
  } catch (thrown) {
    return { ok: false, detail: context.dialect.translate(thrown).message };
  }
}

/** About the bytes that a unit brings along. */
function bytesOf(unit: readonly Mutation[]): number {
  let bytes = 0;
  const count = (value: unknown): void => {
    if (typeof value === 'string') bytes += value.length;
    else if (typeof value === 'object' && value !== null) Object.values(value).forEach(count);
    else bytes += 8;
  };
  count(unit);
  return bytes;
}

function recordsOf({ context, committer, near }: Parts): PrimaryRecords {
  const { dialect } = context;
  const write = async (unit: readonly Mutation[]): Promise<Written[]> => {
    if (unit.length > unitMutationsMax) {
      throw new MindoraError('invalid_request', `a unit of work has at most ${unitMutationsMax} steps`);
    }
    const insertion = insertionOf(unit);
    return committer.commit((sql) => runUnit(sql, context, unit), { bytes: bytesOf(unit), insertion });
  };
  const get = async (sql: Sql, key: RecordKey, secrets: boolean) => {
    const cells = await storedRow(sql, dialect, key.entity, key.id);
    return cells === null ? null : decodeRow(definitionOf(key.entity), cells, secrets);
  };
  return {
    write,
    writeEach: (units) => writeEach(units, write),
    get: (key, options) => near.readOne((sql) => get(sql, key, options?.secrets === true)),
    find: (query) => near.readOne((sql) => findRows(sql, dialect, query)),
    versions: (keys) => near.read((sql) => versionsOf(sql, keys)),
    apiKey: (hash) => near.readOne((sql) => apiKeyByHash(sql, hash)),
    apiKeys: (userId) => near.readOne((sql) => apiKeysOf(sql, userId)),
    addApiKey: (key) => committer.commit((sql) => addApiKey(sql, key), { marks: false }),
    revokeApiKey: (id) => committer.commit((sql) => revokeApiKey(sql, context, id), { marks: false }),
  };
}

async function writeEach(
  units: readonly (readonly Mutation[])[],
  write: (unit: readonly Mutation[]) => Promise<Written[]>,
): Promise<UnitResult[]> {
  if (units.length > unitsMax) throw new MindoraError('invalid_request', `at most ${unitsMax} units at once`);
  const settled = await Promise.allSettled(units.map(write));
  return settled.map((outcome) => {
    if (outcome.status === 'fulfilled') return { ok: true, written: outcome.value };
    const error = outcome.reason as MindoraError;
    return { ok: false, code: error.code, detail: error.message };
  });
}

async function addApiKey(sql: Sql, key: ApiKey): Promise<void> {
  await refuseErasedUser(sql, key.user_id);
  const columns = '"id", "hash", "user_id", "name", "created_at", "revoked_at"';
  const values = [key.id, key.hash, key.user_id, key.name, key.created_at, key.revoked_at];
  await sql.run(`INSERT INTO "api_keys" (${columns}) VALUES (?, ?, ?, ?, ?, ?)`, values);
}

async function revokeApiKey(sql: Sql, { clock }: UnitContext, id: string): Promise<boolean> {
  const text = 'UPDATE "api_keys" SET "revoked_at" = ? WHERE "id" = ? AND "revoked_at" IS NULL';
  return (await sql.run(text, [clock.timestamp(), id])) > 0;
}

function ledgerOf({ context, syncCommitter: committer, marks }: Parts, reads: LedgerReads): PrimaryLedger {
  const quietly = { marks: false };
  const { dialect } = context;
  return {
    ...reads,
    lease: (holder, ttlMs) => committer.commit((sql) => writes.takeLease(sql, dialect, holder, ttlMs), quietly),
    releaseLease: (holder) => committer.commit((sql) => writes.releaseLease(sql, holder), quietly),
    clear: (read, published) => clear({ context, committer }, read, published),
    touch: (touches) =>
      inParts(touches, (part) =>
        committer.commit(async (sql) => {
          for (const touch of part) await touchRecord(sql, dialect, touch);
        }),
      ),
    touchAll: (name, stores) => touchAll({ context, committer }, name, stores),
    adoptUnlisted: () => committer.commit((sql) => writes.adoptAll(sql, context)),
    park: (records) => committer.commit((sql) => writes.park(sql, context, records), quietly),
    unpark: (store, records) => committer.commit((sql) => writes.unpark(sql, store, records), quietly),
    assignEmbeddings: (made, assignments) =>
      committer.commit((sql) => assignEmbeddings(sql, context, made, assignments)),
    deleteEmbeddings: (ids) => committer.commit((sql) => deleteUnused(sql, ids).then(() => undefined)),
    beginErasure: (userId) => committer.commit((sql) => writes.beginErasure(sql, context, userId), quietly),
    endErasure: (userId) => committer.commit((sql) => writes.endErasure(sql, context, userId), quietly),
    deleteUser: (userId) => committer.commit((sql) => writes.deleteUser(sql, userId)),
    scrub: () => committer.alone((connection) => dialect.scrub(connection)),
    onPending: (listener) => marks.listen(listener),
  };
}

async function inParts<T>(list: readonly T[], task: (part: readonly T[]) => Promise<void>): Promise<void> {
  for (const part of chunks(list, linesPerStep)) await task(part);
}

async function clear(
  { context, committer }: Pick<Parts, 'context' | 'committer'>,
  read: Parameters<PrimaryLedger['clear']>[0],
  published: PublishedTo | undefined,
): Promise<number> {
  let held = 0;
  for (const part of chunks(read, linesPerStep)) {
    held += await committer.commit(
      async (sql) => {
        if (published !== undefined) await writes.notePublished(sql, published);
        const left = await clearMarks(sql, context.dialect, part);
        for (const name of left.unknown) await setUnreadableAside(sql, context, name);
        return left.held;
      },
      { marks: false },
    );
  }
  return held;
}

/** In several commits: each starts after the last id of the one before. */
async function touchAll(
  { context, committer }: Pick<Parts, 'context' | 'committer'>,
  name: EntityName,
  stores: Parameters<PrimaryLedger['touchAll']>[1],
): Promise<number> {
  if (!entityNames.includes(name)) throw new MindoraError('invalid_request', 'no such entity');
  let touched = 0;
  let after: string | null = '';
  while (after !== null) {
    const from: string = after;
    // Counted outside of the work, which may run twice.
    const part = await committer.commit((sql) => markSome(sql, context.dialect, name, stores, from));
    touched += part.count;
    after = part.through;
  }
  return touched;
}
