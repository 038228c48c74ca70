/** The primary in the thread that it is opened in. Other threads use it through `client.ts`. */
import { type EntityName, entityNames, type RecordKey } from '@mindora/contracts';
import { type Clock, MindoraError, type Random, systemClock, systemRandom } from '@mindora/runtime';
import { Committer, type CommitterLimits } from './committer.ts';
import type { Dialect } from './dialect.ts';
import { insertFirstData } from './first-data.ts';
import { type LedgerReads, openLedgerReads, versionsOf } from './ledger-reads.ts';
import * as writes from './ledger-writes.ts';
import { clearMark, markEntity, touchRecord } from './marking.ts';
import { Marks } from './marks.ts';
import { migrations } from './migrations/sqlite/index.ts';
import type { ApiKey, Mutation, Primary, PrimaryLedger, PrimaryRecords, UnitResult, Written } from './port.ts';
import { apiKeyByHash, apiKeysOf, findRows } from './records.ts';
import { decodeRow, definitionOf, storedRow } from './rows.ts';
import { Snapshots } from './snapshots.ts';
import { type Connection, chunks, type Sql } from './sql.ts';
import { sqlite } from './sqlite.ts';
import { ensureTriggers } from './triggers.ts';
import { refuseErasedUser, runUnit, type UnitContext, unitMutationsMax } from './units.ts';
import { setUnreadableAside } from './unreadable.ts';

/** How often changes by other processes are looked for; they are told within 250 ms. */
const foreignPollMs = 100;
const unitsMax = 1000;
/** Ledger lines that one commit changes at most, so that other writes get between. */
const linesPerCommit = 5000;

export interface PrimaryOptions {
  /** Of the SQLite database; its directory exists. */
  readonly file: string;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly limits?: CommitterLimits;
}

/** The primary with what a thread needs to serve it to others. */
export interface LocalPrimary extends Primary {
  /** A number that changes with every marking commit; answers when it isn't `since` any more, or after `timeoutMs`. */
  nextMarks(since: number, timeoutMs: number): Promise<number>;
}

interface Parts {
  readonly context: UnitContext;
  readonly committer: Committer;
  readonly near: Snapshots;
  readonly marks: Marks;
}

/** Opens the file, making it if there is none. Call `migrate` before anything else. */
export async function openPrimary(options: PrimaryOptions): Promise<LocalPrimary> {
  const dialect = sqlite;
  const context: UnitContext = {
    dialect,
    clock: options.clock ?? systemClock(),
    random: options.random ?? systemRandom(),
  };
  const connection = await dialect.openWriter(options.file);
  const marks = new Marks(context.clock.now());
  const committer = new Committer(connection, dialect, () => marks.raise(), options.limits);
  const near = new Snapshots(options.file, dialect);
  const ledgerReads = openLedgerReads(options.file, dialect);
  const stopWatching = await watchForeign(context, connection, marks);
  const parts: Parts = { context, committer, near, marks };
  let closing: Promise<void> | null = null;
  return {
    engine: dialect.engine,
    records: recordsOf(parts),
    ledger: ledgerOf(parts, ledgerReads.reads),
    migrate: () => migrate(options.file, parts),
    health: () => health(parts),
    nextMarks: (since, timeoutMs) => marks.next(since, timeoutMs, context.clock),
    close() {
      closing ??= (async () => {
        stopWatching();
        await committer.close();
        marks.raise();
        await Promise.all([near.close(), ledgerReads.close()]);
        await connection.close();
      })();
      return closing;
    },
  };
}

async function watchForeign(context: UnitContext, connection: Connection, marks: Marks): Promise<() => void> {
  let last = await context.dialect.foreignChanges(connection);
  return context.clock.every(foreignPollMs, async () => {
    // Where the question fails, waking once too often does no harm.
    const seen = await context.dialect.foreignChanges(connection).catch(() => Number.NaN);
    if (seen === last) return;
    last = seen;
    marks.raise();
  });
}

async function migrate(file: string, { context, committer, marks }: Parts): Promise<void> {
  await committer.alone(async (connection) => {
    if (!(await isUpToDate(connection))) await runMigrations(file, context.dialect);
    await ensureTriggers(connection, context.dialect);
  });
  await committer.commit((sql) => insertFirstData(sql, context));
  marks.raise();
}

/** Whether all migrations have run, found out without loading TypeORM: that takes time and memory at every start. */
async function isUpToDate(sql: Sql): Promise<boolean> {
  // A new file has no such table.
  const done = await sql.all('SELECT "name" FROM "_migrations"').catch(() => []);
  const names = new Set(done.map((row) => row.name));
  return migrations.every((migration) => names.has(migration.name));
}

async function runMigrations(file: string, dialect: Dialect): Promise<void> {
  const { openSchema } = await import('./schema.ts');
  const source = await openSchema(file, dialect);
  try {
    await source.runMigrations();
  } finally {
    await source.destroy();
  }
}

async function health({ context, committer, near }: Parts): Promise<{ ok: boolean; detail: string }> {
  try {
    await near.read((sql) => sql.all('SELECT 1 FROM "_ledger" LIMIT 1'));
    const weak = await committer.alone((connection) => context.dialect.weakSettings(connection));
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
    return committer.commit((sql) => runUnit(sql, context, unit), { bytes: bytesOf(unit) });
  };
  const get = async (sql: Sql, key: RecordKey, secrets: boolean) => {
    const cells = await storedRow(sql, dialect, key.entity, key.id);
    return cells === null ? null : decodeRow(definitionOf(key.entity), cells, secrets);
  };
  return {
    write,
    writeEach: (units) => writeEach(units, write),
    get: (key, options) => near.read((sql) => get(sql, key, options?.secrets === true)),
    find: (query) => near.read((sql) => findRows(sql, dialect, query)),
    versions: (keys) => near.read((sql) => versionsOf(sql, keys)),
    apiKey: (hash) => near.read((sql) => apiKeyByHash(sql, hash)),
    apiKeys: (userId) => near.read((sql) => apiKeysOf(sql, userId)),
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

function ledgerOf({ context, committer, marks }: Parts, reads: LedgerReads): PrimaryLedger {
  const quietly = { marks: false };
  const { dialect, clock } = context;
  return {
    ...reads,
    lease: (holder, ttlMs) => committer.commit((sql) => writes.takeLease(sql, clock.now(), holder, ttlMs), quietly),
    releaseLease: (holder) => committer.commit((sql) => writes.releaseLease(sql, holder), quietly),
    clear: (read, published) =>
      inParts(read, (part) =>
        committer.commit(async (sql) => {
          if (published !== undefined) await writes.notePublished(sql, published);
          for (const { entity, id, mark } of part) {
            if (!(await clearMark(sql, entity, id, mark))) await setUnreadableAside(sql, context, entity);
          }
        }, quietly),
      ),
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
      committer.commit((sql) => writes.assignEmbeddings(sql, context, made, assignments)),
    deleteEmbeddings: (ids) => committer.commit((sql) => writes.deleteUnused(sql, ids).then(() => undefined)),
    beginErasure: (userId) => committer.commit((sql) => writes.beginErasure(sql, context, userId), quietly),
    endErasure: (userId) => committer.commit((sql) => writes.endErasure(sql, context, userId), quietly),
    deleteUser: (userId) => committer.commit((sql) => writes.deleteUser(sql, userId)),
    scrub: () => committer.alone((connection) => dialect.scrub(connection)),
    onPending: (listener) => marks.listen(listener),
  };
}

async function inParts<T>(list: readonly T[], task: (part: readonly T[]) => Promise<void>): Promise<void> {
  for (const part of chunks(list, linesPerCommit)) await task(part);
}

/** In several commits: each starts after the last id of the one before. */
async function touchAll(
  { context, committer }: Pick<Parts, 'context' | 'committer'>,
  name: EntityName,
  stores: Parameters<PrimaryLedger['touchAll']>[1],
): Promise<number> {
  if (!entityNames.includes(name)) throw new MindoraError('invalid_request', 'no such entity');
  const last = `SELECT "id" FROM "_ledger" WHERE "entity" = ? AND "id" > ? ORDER BY "id" LIMIT 1 OFFSET ?`;
  let touched = 0;
  let after: string | null = '';
  while (after !== null) {
    const from: string = after;
    after = await committer.commit(async (sql) => {
      const [line] = await sql.all(last, [name, from, linesPerCommit - 1]);
      const through = line === undefined ? null : String(line.id);
      touched += await markEntity(sql, context.dialect, name, stores, { after: from, through });
      return through;
    });
  }
  return touched;
}
