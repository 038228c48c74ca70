/**
 * The one writer (architecture, rule 5). Units of work wait in a queue; those that wait share one commit, each in a
 * savepoint of its own, and are answered after it. While a commit waits for the disk, the next group gathers.
 */
import { setImmediate } from 'node:timers/promises';
import { MindoraError } from '@mindora/runtime';
import type { Dialect } from './dialect.ts';
import type { Connection, Sql } from './sql.ts';

export interface CommitterLimits {
  readonly groupUnitsMax: number;
  readonly groupBytesMax: number;
  readonly queueUnitsMax: number;
  readonly queueBytesMax: number;
}

export const committerLimits: CommitterLimits = {
  groupUnitsMax: 256,
  groupBytesMax: 8 * 1024 * 1024,
  queueUnitsMax: 20_000,
  queueBytesMax: 256 * 1024 * 1024,
};

export type Work<T> = (sql: Sql) => Promise<T>;

interface Job {
  readonly work: Work<unknown>;
  readonly bytes: number;
  readonly marks: boolean;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

type Outcome = { readonly job: Job; readonly value: unknown } | { readonly job: Job; readonly error: MindoraError };

export class Committer {
  readonly #connection: Connection;
  readonly #dialect: Dialect;
  readonly #limits: CommitterLimits;
  readonly #onMarked: () => void;
  readonly #queue: Job[] = [];
  #queueBytes = 0;
  #draining = false;
  #running: Promise<void> = Promise.resolve();
  #closed = false;
  /** Something that needs the connection outside of a transaction; runs between two groups. */
  #alone: (() => Promise<void>)[] = [];

  /** @param onMarked called after each commit that marked something pending */
  constructor(connection: Connection, dialect: Dialect, onMarked: () => void, limits = committerLimits) {
    this.#connection = connection;
    this.#dialect = dialect;
    this.#onMarked = onMarked;
    this.#limits = limits;
  }

  /**
   * Runs a unit of work: all of it or nothing, durable when the promise resolves. The work uses nothing but the
   * connection it is given.
   *
   * @throws MindoraError what the work threw, `overloaded` where the queue is full, `store_unavailable`
   */
  commit<T>(work: Work<T>, options: { bytes?: number; marks?: boolean } = {}): Promise<T> {
    const bytes = options.bytes ?? 0;
    const refusal = this.#refusal(bytes);
    if (refusal !== null) return Promise.reject(refusal);
    return new Promise<T>((resolve, reject) => {
      const job = { work, bytes, marks: options.marks ?? true, resolve: resolve as Job['resolve'], reject };
      this.#queue.push(job);
      this.#queueBytes += bytes;
      this.#start();
    });
  }

  /** Runs something with the connection outside of any transaction, alone. */
  alone<T>(task: (connection: Connection) => Promise<T>): Promise<T> {
    if (this.#closed) return Promise.reject(new MindoraError('shutting_down'));
    return new Promise<T>((resolve, reject) => {
      this.#alone.push(() =>
        task(this.#connection).then(resolve, (error: unknown) => reject(this.#dialect.translate(error))),
      );
      this.#start();
    });
  }

  /** Finishes what waits and takes nothing more. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
  }

  #refusal(bytes: number): MindoraError | null {
    if (this.#closed) return new MindoraError('shutting_down');
    const full = this.#queue.length >= this.#limits.queueUnitsMax;
    return full || this.#queueBytes + bytes > this.#limits.queueBytesMax
      ? new MindoraError('overloaded', 'too many writes are waiting for the primary')
      : null;
  }

  #start(): void {
    if (this.#draining) return;
    this.#draining = true;
    this.#running = this.#drain();
  }

  async #drain(): Promise<void> {
    try {
      while (this.#queue.length > 0 || this.#alone.length > 0) {
        // Lets the messages that came in meanwhile join the next group.
        await setImmediate();
        for (const task of this.#alone.splice(0)) await task();
        const group = this.#takeGroup();
        if (group.length > 0) await this.#commitGroup(group);
      }
    } finally {
      // In the same turn as the look at the queue: what comes after it starts the next run.
      this.#draining = false;
    }
  }

  #takeGroup(): Job[] {
    let bytes = 0;
    let count = 0;
    for (const job of this.#queue) {
      if (count >= this.#limits.groupUnitsMax || (count > 0 && bytes + job.bytes > this.#limits.groupBytesMax)) break;
      bytes += job.bytes;
      count++;
    }
    this.#queueBytes -= bytes;
    return this.#queue.splice(0, count);
  }

  async #commitGroup(group: readonly Job[]): Promise<void> {
    const outcomes: Outcome[] = [];
    try {
      await this.#connection.begin('write');
      for (const job of group) outcomes.push(await this.#attempt(job));
      await this.#connection.commit();
    } catch (thrown) {
      await this.#giveUp(group, this.#dialect.translate(thrown));
      return;
    }
    for (const outcome of outcomes) {
      if ('error' in outcome) outcome.job.reject(outcome.error);
      else outcome.job.resolve(outcome.value);
    }
    if (outcomes.some((outcome) => outcome.job.marks && !('error' in outcome))) this.#onMarked();
  }

  /** An error of the work undoes the work alone; one that ended the transaction undoes the group. */
  async #attempt(job: Job): Promise<Outcome> {
    await this.#connection.run('SAVEPOINT unit');
    try {
      const value = await job.work(this.#connection);
      await this.#connection.run('RELEASE unit');
      return { job, value };
    } catch (thrown) {
      if (!this.#connection.inTransaction()) throw thrown;
      await this.#connection.run('ROLLBACK TO unit');
      await this.#connection.run('RELEASE unit');
      return { job, error: this.#dialect.translate(thrown) };
    }
  }

  async #giveUp(group: readonly Job[], cause: MindoraError): Promise<void> {
    const error =
      cause.code === 'store_unavailable' ? cause : new MindoraError('store_unavailable', undefined, { cause });
    // Where even this fails, the next BEGIN fails too, and tries it again.
    await this.#connection.rollback().catch(() => undefined);
    for (const job of group) job.reject(error);
  }
}
