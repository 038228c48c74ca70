/**
 * RELATED_TO between conversations (A2.5): derived from the vectors, best effort (rule 12). Works one conversation at a
 * time beside the workers and rests between, so that it never delays them; what it misses it leaves out.
 */
import { decodeVector, type RecordVersion } from '@mindora/contracts';
import type { Clock, Logger } from '@mindora/runtime';
import type { GraphQueries, Relation, StoredRecord, Target, VectorQueries } from '@mindora/stores';
import { Bell } from './bell.ts';
import { facts } from './parts.ts';

export interface RelateParts {
  readonly vectors: Target & Pick<VectorQueries, 'nearest'>;
  readonly graph: Target & Pick<GraphQueries, 'relate' | 'deadRelations' | 'removeRelations'>;
  readonly model: string;
  /** Least cosine similarity of a relation. */
  readonly scoreMin: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** Whether workers have something to do, which comes first. */
  readonly busy: () => boolean;
}

/** Suits the lexical embedder, whose unrelated texts lie near 0. */
export const lexicalScoreMin = 0.35;

const relationsMax = 3;
const queueMax = 20_000;
/** Times that a conversation is looked for in the graph, which may get it later than the vectors do. */
const triesMax = 5;
const idleMs = 1000;
const busyMs = 50;
const sweepMs = 60_000;
const deadAtOnce = 1000;

export class Relate {
  readonly #parts: RelateParts;
  /** Conversations to relate, with the times they were tried; in order, each once. */
  readonly #queue = new Map<string, number>();
  readonly #bell = new Bell();
  #stopped = false;
  #running: Promise<void> = Promise.resolve();
  #cancelSweep: () => void = () => undefined;
  related = 0;
  dropped = 0;

  constructor(parts: RelateParts) {
    this.#parts = parts;
  }

  get waiting(): number {
    return this.#queue.size;
  }

  start(): void {
    this.#running = this.#run();
    this.#cancelSweep = this.#parts.clock.every(sweepMs, () => this.sweep());
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelSweep();
    this.#bell.ring();
    await this.#running;
  }

  /** The vector store holds these now. */
  applied(held: readonly RecordVersion[]): void {
    for (const { entity, id } of held) if (entity === 'conversation') this.#enqueue(id, 0);
    this.#bell.ring();
  }

  /** Removes relations whose ends are gone, or that another model made. */
  async sweep(): Promise<void> {
    const { graph, model, log } = this.#parts;
    try {
      const dead = await graph.deadRelations(model, deadAtOnce);
      if (dead.length > 0) await graph.removeRelations(dead);
    } catch (thrown) {
      log.debug(facts(thrown), 'dead relations stay until the next look');
    }
  }

  #enqueue(id: string, tries: number): void {
    this.#queue.delete(id);
    if (this.#queue.size >= queueMax) {
      const [oldest] = this.#queue.keys();
      if (oldest !== undefined) this.#queue.delete(oldest);
      this.dropped++;
    }
    this.#queue.set(id, tries);
  }

  async #run(): Promise<void> {
    const { clock, busy } = this.#parts;
    while (!this.#stopped) {
      const seen = this.#bell.rings;
      const [next] = this.#queue;
      if (next === undefined) await this.#bell.wait(clock, idleMs, seen);
      else if (busy()) await clock.sleep(busyMs);
      else await this.#step(next[0], next[1]);
    }
  }

  async #step(id: string, tries: number): Promise<void> {
    const { clock, log } = this.#parts;
    const startedAt = clock.now();
    this.#queue.delete(id);
    try {
      if (await this.#relate(id)) this.related++;
      else if (tries + 1 < triesMax) this.#enqueue(id, tries + 1);
    } catch (thrown) {
      log.debug({ id, ...facts(thrown) }, 'conversation not related');
      if (tries + 1 < triesMax) this.#enqueue(id, tries + 1);
    }
    // As long a rest as the work took: at most half of a store's time goes here.
    await clock.sleep(Math.min(idleMs, Math.max(1, clock.now() - startedAt)));
  }

  /** Whether there was nothing more to do; false: the graph doesn't hold it yet. */
  async #relate(id: string): Promise<boolean> {
    const { vectors, graph, model } = this.#parts;
    const key = { entity: 'conversation', id } as const;
    const [stored] = await vectors.get([key]);
    const [node] = await graph.get([key]);
    if (stored?.document == null) return true;
    if (node?.document == null) return false;
    await graph.relate(id, model, await this.#nearest(id, stored));
    return true;
  }

  /** Only of the same user: a user sees only its own records. */
  async #nearest(id: string, { document }: StoredRecord): Promise<Relation[]> {
    const { vectors, scoreMin } = this.#parts;
    const vector = document?.vector;
    const userId = document?.userId;
    if (typeof vector !== 'string' || typeof userId !== 'string') return [];
    const query = { entity: 'conversation', vector: decodeVector(vector), limit: relationsMax + 1, userId } as const;
    const neighbours = await vectors.nearest(query);
    return neighbours
      .filter((neighbour) => neighbour.id !== id && neighbour.score >= scoreMin)
      .slice(0, relationsMax)
      .map(({ id: other, score }) => ({ id: other, score }));
  }
}
