/**
 * Shortest paths: breadth first from both ends, always the smaller front, so that what everything hangs on (a model
 * that all use) is met and not walked through. Bounded by length and by the nodes that were seen.
 */

/** Neighbours of a node over any edge, in either direction, at most `limit`. */
export type Neighbours = (node: string, limit: number) => readonly string[];

/** Nodes that both sides together may see; beyond it a path counts as not found. */
const seenMax = 20_000;

/** Steps from nodes of a front, as pairs of names; at most `limit`. */
export type Steps = (front: readonly string[], limit: number) => Promise<readonly (readonly [string, string])[]>;

interface Side {
  /** Each node with the one it was reached from. */
  readonly parents: Map<string, string | null>;
  front: readonly string[];
}

/** Names of the nodes of a shortest path of at most `depth` edges, from one end to the other; null where none is found. */
export function shortestPath(from: string, to: string, depth: number, neighbours: Neighbours): string[] | null {
  if (from === to) return [from];
  const start: Side = { parents: new Map([[from, null]]), front: [from] };
  const goal: Side = { parents: new Map([[to, null]]), front: [to] };
  for (let length = 0; length < depth; length++) {
    const nearer = start.front.length <= goal.front.length ? start : goal;
    const meeting = advance(nearer, nearer === start ? goal : start, neighbours);
    if (meeting !== null) return [...lineage(start, meeting).reverse(), ...lineage(goal, meeting).slice(1)];
    if (nearer.front.length === 0 || start.parents.size + goal.parents.size >= seenMax) return null;
  }
  return null;
}

/** One step of a side; the node at which it meets the other one. */
function advance(side: Side, other: Side, neighbours: Neighbours): string | null {
  const front: string[] = [];
  for (const node of side.front) {
    const room = seenMax - side.parents.size - other.parents.size;
    if (room <= 0) break;
    for (const next of neighbours(node, room)) {
      if (side.parents.has(next)) continue;
      side.parents.set(next, node);
      if (other.parents.has(next)) return next;
      front.push(next);
    }
  }
  side.front = front;
  return null;
}

/** Like {@link shortestPath}, where neighbours are far away and asked for a whole front at a time. */
export async function shortestPathByFronts(
  from: string,
  to: string,
  depth: number,
  steps: Steps,
): Promise<string[] | null> {
  if (from === to) return [from];
  const start: Side = { parents: new Map([[from, null]]), front: [from] };
  const goal: Side = { parents: new Map([[to, null]]), front: [to] };
  for (let length = 0; length < depth; length++) {
    const nearer = start.front.length <= goal.front.length ? start : goal;
    const room = seenMax - start.parents.size - goal.parents.size;
    if (nearer.front.length === 0 || room <= 0) return null;
    const found = Map.groupBy(await steps(nearer.front, room), ([node]) => node);
    const neighbours: Neighbours = (node, limit) => (found.get(node) ?? []).slice(0, limit).map(([, next]) => next);
    const meeting = advance(nearer, nearer === start ? goal : start, neighbours);
    if (meeting !== null) return [...lineage(start, meeting).reverse(), ...lineage(goal, meeting).slice(1)];
  }
  return null;
}

function lineage(side: Side, node: string): string[] {
  const nodes: string[] = [];
  for (let at: string | null = node; at !== null; at = side.parents.get(at) ?? null) nodes.push(at);
  return nodes;
}
