/** What is made from records and belongs to none: embeddings and RELATED_TO edges. */
import type { Drift } from '@mindora/contracts';
import type { CheckContext } from './context.ts';
import { settle } from './settle.ts';

/** Most leftovers that are listed at once. */
const leftoversMax = 10_000;

export interface Leftovers {
  readonly drifts: readonly Drift[];
  readonly repaired: number;
}

interface Source {
  list(): Promise<readonly string[]>;
  remove(ids: readonly string[]): Promise<void>;
  drift(id: string): Drift;
}

const none: Leftovers = { drifts: [], repaired: 0 };

/** Embeddings no record refers to (under `vectors`), relations with a dead end (under `graph`); else nothing. */
export async function checkDerived(context: CheckContext, mend: boolean): Promise<Leftovers> {
  const source = sourceOf(context);
  if (source === null) return none;
  const first = await source.list();
  if (first.length === 0) return none;
  // What a write under way left for a moment is gone after the barrier.
  await settle(context, []);
  const left = await both(first, source);
  if (!mend || left.length === 0) return { drifts: left.map(source.drift), repaired: 0 };
  await source.remove(left);
  const still = await both(left, source);
  return { drifts: still.map(source.drift), repaired: left.length - still.length };
}

async function both(earlier: readonly string[], source: Source): Promise<string[]> {
  const now = new Set(await source.list());
  return earlier.filter((id) => now.has(id));
}

function sourceOf({ parts, role }: CheckContext): Source | null {
  if (role === 'vectors') {
    return {
      list: () => parts.ledger.orphanEmbeddings(leftoversMax),
      remove: (ids) => parts.ledger.deleteEmbeddings(ids),
      drift: (id) => leftover('vectors', 'embedding', id),
    };
  }
  const graph = parts.relations;
  if (role !== 'graph' || graph === undefined) return null;
  const pairs = new Map<string, [string, string]>();
  return {
    async list() {
      const dead = await graph.deadRelations(parts.embedder.model, leftoversMax);
      return dead.map(([from, to]) => {
        pairs.set(`${from}->${to}`, [from, to]);
        return `${from}->${to}`;
      });
    },
    remove: (ids) => graph.removeRelations(ids.map((id) => pairs.get(id)).filter((pair) => pair !== undefined)),
    drift: (id) => leftover('graph', 'conversation', id),
  };
}

function leftover(store: Drift['store'], entity: Drift['entity'], id: string): Drift {
  const repair = store === 'graph' ? 'remove_relation' : 'delete_embedding';
  return { store, entity, id, kind: 'extra', ledger_version: null, store_version: null, cause: 'orphan', repair };
}
