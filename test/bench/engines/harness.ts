/** One way to measure every engine: what a store applies beside the engine's own bulk call with the same rows. */
import { type EntityName, encodeVector, type Row } from '@mindora/contracts';
import type { ApplyItem, Target } from '@mindora/stores';
import { type ProjectionContext, project } from '@mindora/sync';
import { type EngineName, type RunningEngine, startEngine } from '@mindora/testing/engines';
import { type Figures, type Measurement, perSecond, ratio } from '../figures.ts';
import { currentLoad } from '../machine.ts';
import { conversation } from '../records.ts';
import { dimensions, randomVector } from '../vectors.ts';

/** Records of one call, of ours and of the engine's own. */
export const perBatch = 500;

/** What of an engine is measured; a file an engine. */
export interface ApplyBench {
  readonly engine: EngineName;
  /** The engine's own call, for people. */
  readonly beside: string;
  open(engine: RunningEngine): Promise<Subject>;
}

export interface Subject {
  readonly store: Target;
  /** What is applied, by name. */
  readonly kinds: Readonly<Record<string, NewItem>>;
  /**
   * Prepares the same rows, of a batch that was just applied, for the engine's own call; what it resolves to is timed.
   * The first version is new to the engine, a later one replaces it.
   */
  raw(items: readonly ApplyItem[], isNew: boolean): Promise<() => Promise<unknown>>;
  close(): Promise<void>;
}

export type NewItem = (number: number, version: number) => ApplyItem;

const createdAt = '2026-03-01T00:00:00.000000Z';
const lifetimeMs = 3_600_000;

/** A conversation as sync gives it to the store of a role. */
export function conversationOf(store: Target, { expires = false } = {}): NewItem {
  const expiresAt = expires ? Date.now() + lifetimeMs : null;
  return (number, version) => {
    const row = { ...conversation(number), created_at: createdAt, updated_at: createdAt };
    const document = project(store.role, 'conversation', row as Row, contextOf(number, store));
    return itemOf('conversation', `bench-${number}`, { version, document, expiresAt });
  };
}

/** An item without an owner. */
export function itemOf(
  entity: EntityName,
  id: string,
  { version, document, expiresAt = null }: { version: number; document: Row; expiresAt?: number | null },
): ApplyItem {
  return { entity, id, version, owner: null, document, expiresAt };
}

function contextOf(number: number, { role }: Target): ProjectionContext {
  const vector = role === 'vectors' ? encodeVector(randomVector()) : '';
  return { embedding: { id: `e-${number}`, vector }, model: 'bench', dimensions };
}

/** Starts an engine, and measures new records and the same ones changed. */
export async function measureApplyOf(bench: ApplyBench, records: number): Promise<Measurement> {
  const engine = await startEngine(bench.engine);
  try {
    const subject = await bench.open(engine);
    try {
      const rows: Figures[] = [];
      for (const [kind, newItem] of Object.entries(subject.kinds)) {
        rows.push(...(await new Run(subject, newItem).measure(kind, records)));
      }
      const what = `${perBatch} a batch and in turn with ${bench.beside}`;
      return { name: `${bench.engine} apply`, about: `${engine.product}; ${what}; load ${currentLoad()}`, rows };
    } finally {
      await subject.close();
    }
  } finally {
    await engine.stop();
  }
}

class Run {
  readonly #subject: Subject;
  readonly #newItem: NewItem;
  #n = 0;

  constructor(subject: Subject, newItem: NewItem) {
    this.#subject = subject;
    this.#newItem = newItem;
  }

  async measure(kind: string, records: number): Promise<Figures[]> {
    // The first calls find a server that has compiled and cached nothing yet: not counted, on either side.
    for (const version of [1, 2]) await this.#batch(records, perBatch, version);
    const rows: Figures[] = [];
    for (const [version, step] of [
      [1, 'new'],
      [2, 'changed'],
    ] as const) {
      const times = { ours: 0, raw: 0 };
      for (let start = 0; start < records; start += perBatch) {
        const { ours, raw } = await this.#batch(start, Math.min(perBatch, records - start), version);
        times.ours += ours;
        times.raw += raw;
      }
      rows.push(rowOf(`${kind}, ${step}`, records, times));
    }
    return rows;
  }

  /** One after the other, so that whatever else goes on in the machine weighs on both alike. */
  async #batch(first: number, count: number, version: number): Promise<Times> {
    const { store, raw } = this.#subject;
    const items = Array.from({ length: count }, (_, index) => this.#newItem(first + index, version));
    const position = { incarnation: 'bench', partition: 0, n: ++this.#n };
    const began = performance.now();
    const results = await store.apply({ items, positions: [position] });
    const ours = performance.now() - began;
    const other = results.find(({ outcome }) => outcome !== 'applied');
    if (other !== undefined) throw new Error(`${store.engine} did not apply a record: ${other.outcome}`);
    const call = await raw(items, version === 1);
    const beganRaw = performance.now();
    await call();
    return { ours, raw: performance.now() - beganRaw };
  }
}

interface Times {
  readonly ours: number;
  readonly raw: number;
}

function rowOf(step: string, count: number, { ours, raw }: Times): Figures {
  const rates = { 'apply records/s': perSecond(count, ours), 'raw records/s': perSecond(count, raw) };
  return { step, ...rates, 'ours : raw': ratio(raw, ours) };
}
