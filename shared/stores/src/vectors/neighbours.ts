/** The order of neighbours, the same on every engine. */
import { compareKeys } from '@mindora/contracts';
import { MindoraError } from '@mindora/runtime';
import type { Neighbour } from './port.ts';

export const neighboursMax = 200;

/** Whether what follows can't belong to the best any more: one that is worse than the last of them was seen. */
export function isSettled(neighbours: readonly Neighbour[], limit: number): boolean {
  const last = neighbours[limit - 1];
  const worst = neighbours.at(-1);
  return last !== undefined && worst !== undefined && worst.score < last.score;
}

/** The best, equal scores by id. */
export function best(neighbours: readonly Neighbour[], limit: number): Neighbour[] {
  return neighbours.toSorted((a, b) => b.score - a.score || compareKeys(a.id, b.id)).slice(0, limit);
}

/** Cosine similarity of a cosine distance, which rounding may have put out of its range. */
export function scoreOf(distance: number): number {
  return Math.max(-1, Math.min(1, 1 - distance));
}

/** @throws MindoraError `invalid_request` where a vector has another length than the store's, or no direction */
export function assertVector(vector: Float32Array, dimensions: number): void {
  if (vector.length !== dimensions) {
    throw new MindoraError('invalid_request', `the vector has ${vector.length} dimensions, the store ${dimensions}`);
  }
  if (!vector.every(Number.isFinite) || vector.every((value) => value === 0)) {
    throw new MindoraError('invalid_request', 'the vector must be finite and not all zeros');
  }
}
