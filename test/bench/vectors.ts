import { seeded } from '@mindora/testing/plain';

export const dimensions = 384;

const chance = seeded(20260301);

/** A normally distributed number (Box and Muller). */
export function normal(): number {
  return Math.sqrt(-2 * Math.log(1 - chance())) * Math.cos(2 * Math.PI * chance());
}

export function randomVector(): number[] {
  return Array.from({ length: dimensions }, normal);
}

export type NewVector = () => number[];

/** Groups that the vectors of the second kind lie in; real embeddings lie in groups, too. */
const groups = 200;
const groupSpread = 0.8;

export function groupedVectors(): NewVector {
  const centres = Array.from({ length: groups }, randomVector);
  return () => (centres[Math.floor(chance() * groups)] ?? []).map((value) => value + groupSpread * normal());
}
