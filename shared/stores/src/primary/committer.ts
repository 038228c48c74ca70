/**
 * The one writer (architecture, rule 5). Units of work wait in a queue; those that wait share one commit, each in a
 * savepoint of its own, and are answered after it. While a commit waits for the disk, the next group gathers.
 */
import { setImmediate } from 'node:timers/promises';
import { backoffMs, MindoraError } from '@mindora/runtime';
import { Group, type Job, type Work } from './group.ts';
import type { Connection } from './sql.ts';
import type { Insertion } from './together.ts';
import type { UnitContext } from './units.ts';

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

/** Between two tries of a group. */
const retryFirstMs = 5;
const retryMaxMs = 200;

export class Committer {
  readonly #connection: Connection;
  readonly #context: UnitContext;
  readonly #limits: CommitterLimits;
  readonly #onMarked: () => void;
  readonly #queue: Job[] = [];
  #queueBytes = 0;
  #draining = false;
  #running: Promise<void> = Promise.resolve();
  #closed = false;
  #admitted: boolean;
  /** Something that needs the connection outside of a transaction; runs between two groups. */
  #alone: (() => Promise<void>)[] = [];

  /** @param onMarked called after each commit that marked something pending */
  constructor(connection: Connection, context: UnitContext, onMarked: () => void, limits = committerLimits) {
    this.#connection = connection;
    this.#context = context;
    this.#admitted = !context.dialect.isServer;
    this.#onMarked = onMarked;
    this.#limits = limits;
  }

  /**
   * Runs a unit of work: all of it or nothing, durable when the promise resolves. The work uses nothing but the
   * connection it is given, and changes nothing outside: it may be run again after what it did was undone, or not at all
   * where it is an `insertion`, which may be done together with others.
   *
   * @throws MindoraError what the work threw, `overloaded` where the queue is full, `store_unavailable`
   */
  commit<T>(
    work: Work<T>,
    options: { bytes?: number; marks?: boolean; insertion?: Insertion | null } = {},
  ): Promise<T> {
    const bytes = options.bytes ?? 0;
    const refusal = this.#refusal(bytes);
    if (refusal !== null) return Promise.reject(refusal);
    return new Promise<T>((resolve, reject) => {
      const { marks = true, insertion = null } = options;
      const job = { work, bytes, marks, insertion, resolve: resolve as Job['resolve'], reject };
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
        task(this.#connection).then(resolve, (error: unknown) => reject(this.#context.dialect.translate(error))),
      );
      this.#start();
    });
  }

  /** A server's tables and triggers are as they should be: from now on units are taken. */
  admit(): void {
    this.#admitted = true;
  }

  /** Finishes what waits and takes nothing more. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
  }

  #refusal(bytes: number): MindoraError | null {
    if (this.#closed) return new MindoraError('shutting_down');
    if (!this.#admitted) return new MindoraError('store_unavailable', 'the primary has not been reached yet');
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

  /** Tries until the group was committed, or a unit of it turns out to be in the way. */
  async #commitGroup(group: readonly Job[]): Promise<void> {
    let run = new Group(group, this.#context);
    for (;;) {
      const again = await run.commit(this.#connection);
      if (again === null) break;
      run = again;
      const { clock, random } = this.#context;
      if (again.pauses > 0) await clock.sleep(backoffMs(again.pauses - 1, random, retryFirstMs, retryMaxMs));
    }
    if (run.hasMarked) this.#onMarked();
  }
}
