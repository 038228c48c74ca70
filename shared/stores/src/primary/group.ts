/** Units of work that share one commit. */
import { MindoraError } from '@mindora/runtime';
import type { Cell, Cells, Connection, Sql } from './sql.ts';
import { type Insertion, insertTogether, partsOf } from './together.ts';
import type { UnitContext } from './units.ts';

export type Work<T> = (sql: Sql) => Promise<T>;

export interface Job {
  readonly work: Work<unknown>;
  readonly bytes: number;
  readonly marks: boolean;
  /** What the work does, where that is to insert one record. */
  readonly insertion: Insertion | null;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

type Outcome = { readonly job: Job; readonly value: unknown } | { readonly job: Job; readonly error: MindoraError };

/** Tries of a group that others' transactions got in the way of. */
const pausesMax = 6;
/** Times that one unit may wait for a lock in vain before it is answered, so that the others get on. */
const lockWaitsMax = 2;

/** Counts the statements that changed something. */
class Counting implements Sql {
  readonly #sql: Sql;
  changes = 0;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  all(text: string, values?: readonly Cell[]): Promise<Cells[]> {
    return this.#sql.all(text, values);
  }

  async run(text: string, values?: readonly Cell[]): Promise<number> {
    const changed = await this.#sql.run(text, values);
    this.changes++;
    return changed;
  }
}

/** A unit failed half-way without a savepoint to go back to. */
class HalfDone extends Error {}

/** Rows were inserted together, and what came then failed: each unit has to be tried by itself. */
class Apart extends Error {}

/** Another transaction was in the way of a unit, or of the commit (null). */
class InTheWay extends Error {
  readonly job: Job | null;
  readonly kind: 'deadlock' | 'lock';

  constructor(job: Job | null, kind: 'deadlock' | 'lock', cause: unknown) {
    super(kind, { cause });
    this.job = job;
    this.kind = kind;
  }
}

export class Group {
  readonly #jobs: readonly Job[];
  readonly #context: UnitContext;
  /** Each unit in a savepoint of its own. */
  readonly #careful: boolean;
  /** Neighbours that insert may share a statement. */
  readonly #together: boolean;
  readonly #lockWaits: ReadonlyMap<Job, number>;
  /** How often others were in the way so far. */
  readonly pauses: number;
  #hasMarked = false;

  constructor(
    jobs: readonly Job[],
    context: UnitContext,
    past: { careful: boolean; together: boolean; pauses: number; lockWaits: ReadonlyMap<Job, number> } = {
      careful: !context.dialect.dearSavepoints,
      together: context.dialect.isServer,
      pauses: 0,
      lockWaits: new Map(),
    },
  ) {
    this.#jobs = jobs;
    this.#context = context;
    this.#careful = past.careful;
    this.#together = past.together && !past.careful;
    this.pauses = past.pauses;
    this.#lockWaits = past.lockWaits;
  }

  /** Something that was committed marked records. */
  get hasMarked(): boolean {
    return this.#hasMarked;
  }

  /** Answers all units and returns null; or returns what has to be tried instead, everything undone. */
  async commit(connection: Connection): Promise<Group | null> {
    const outcomes: Outcome[] = [];
    try {
      await connection.begin('write');
      for (const part of this.#parts()) outcomes.push(...(await this.#attemptPart(connection, part)));
      await this.#endWith(connection);
    } catch (thrown) {
      // Where even this fails, the next BEGIN fails too, and tries it again.
      await connection.rollback().catch(() => undefined);
      return this.#next(thrown);
    }
    this.#answer(outcomes);
    return null;
  }

  async #endWith(connection: Connection): Promise<void> {
    try {
      await connection.commit();
    } catch (thrown) {
      const kind = this.#context.dialect.retry(thrown);
      throw kind === null ? thrown : new InTheWay(null, kind, thrown);
    }
  }

  #parts(): Job[][] {
    return this.#together ? partsOf(this.#jobs) : this.#jobs.map((job) => [job]);
  }

  async #attemptPart(connection: Connection, part: readonly Job[]): Promise<Outcome[]> {
    const together = part.length > 1 ? await this.#insertTogether(connection, part) : null;
    if (together !== null) return together;
    const outcomes: Outcome[] = [];
    for (const job of part) outcomes.push(await this.#attempt(connection, job));
    return outcomes;
  }

  /** Null where nothing was inserted, because of one of them: which one shows when each is tried by itself. */
  async #insertTogether(connection: Connection, part: readonly Job[]): Promise<Outcome[] | null> {
    const counting = new Counting(connection);
    try {
      const insertions = part.flatMap(({ insertion }) => insertion ?? []);
      const written = await insertTogether(counting, this.#context, insertions);
      return written.map((one, index) => ({ job: part[index] as Job, value: [one] }));
    } catch (thrown) {
      if (!connection.inTransaction()) {
        throw this.#context.dialect.retry(thrown) === null ? thrown : new InTheWay(null, 'deadlock', thrown);
      }
      // A statement that fails undoes itself; after one that didn't, only the whole can be undone.
      if (counting.changes > 0) throw new Apart();
      return null;
    }
  }

  async #attempt(connection: Connection, job: Job): Promise<Outcome> {
    try {
      return await (this.#careful ? this.#inSavepoint(connection, job) : this.#plainly(connection, job));
    } catch (thrown) {
      const kind = this.#context.dialect.retry(thrown);
      throw kind === null ? thrown : new InTheWay(job, kind, thrown);
    }
  }

  /** An error of the work undoes the work alone; one that ended the transaction undoes the group. */
  async #inSavepoint(connection: Connection, job: Job): Promise<Outcome> {
    await connection.run('SAVEPOINT unit');
    try {
      const value = await job.work(connection);
      await connection.run('RELEASE SAVEPOINT unit');
      return { job, value };
    } catch (thrown) {
      if (!connection.inTransaction() || this.#context.dialect.retry(thrown) !== null) throw thrown;
      await connection.run('ROLLBACK TO SAVEPOINT unit');
      await connection.run('RELEASE SAVEPOINT unit');
      return { job, error: this.#context.dialect.translate(thrown) };
    }
  }

  /** A statement that fails undoes itself: only what went before it in the same unit would be left. */
  async #plainly(connection: Connection, job: Job): Promise<Outcome> {
    const counting = new Counting(connection);
    try {
      return { job, value: await job.work(counting) };
    } catch (thrown) {
      if (!connection.inTransaction() || this.#context.dialect.retry(thrown) !== null) throw thrown;
      if (counting.changes > 0) throw new HalfDone();
      return { job, error: this.#context.dialect.translate(thrown) };
    }
  }

  #next(thrown: unknown): Group | null {
    if (thrown instanceof HalfDone) return this.#again({ careful: true });
    if (thrown instanceof Apart) return this.#again({ together: false });
    if (thrown instanceof InTheWay && this.pauses < pausesMax) return this.#afterPause(thrown);
    this.#giveUp(thrown instanceof InTheWay ? thrown.cause : thrown);
    return null;
  }

  #afterPause({ job, kind, cause }: InTheWay): Group {
    if (job === null || kind === 'deadlock') return this.#again({ pauses: this.pauses + 1 });
    const waits = (this.#lockWaits.get(job) ?? 0) + 1;
    if (waits < lockWaitsMax) return this.#again({ lockWaits: new Map(this.#lockWaits).set(job, waits) });
    job.reject(this.#context.dialect.translate(cause));
    // Counted as pauses, too: where every unit runs into locks, the group comes to an end.
    return this.#again({ jobs: this.#jobs.filter((one) => one !== job), pauses: this.pauses + 2 });
  }

  #again(change: {
    jobs?: readonly Job[];
    careful?: boolean;
    together?: boolean;
    pauses?: number;
    lockWaits?: ReadonlyMap<Job, number>;
  }): Group {
    return new Group(change.jobs ?? this.#jobs, this.#context, {
      careful: change.careful ?? this.#careful,
      together: change.together ?? this.#together,
      pauses: change.pauses ?? this.pauses,
      lockWaits: change.lockWaits ?? this.#lockWaits,
    });
  }

  #giveUp(thrown: unknown): void {
    const cause = this.#context.dialect.translate(thrown);
    const error =
      cause.code === 'store_unavailable' ? cause : new MindoraError('store_unavailable', undefined, { cause });
    for (const job of this.#jobs) job.reject(error);
  }

  #answer(outcomes: readonly Outcome[]): void {
    for (const outcome of outcomes) {
      if ('error' in outcome) outcome.job.reject(outcome.error);
      else outcome.job.resolve(outcome.value);
    }
    this.#hasMarked = outcomes.some((outcome) => outcome.job.marks && !('error' in outcome));
  }
}
