/**
 * Seeds that `npm test` runs: those that once failed, by what they found, and one for each way of coming back. A seed
 * stands for its choices only as long as the table of faults is what it is: append to that table, don't reorder it.
 */
export const regressions: readonly { readonly what: string; readonly seed: number; readonly rounds: number }[] = [
  { what: 'a damaged row is told and mended', seed: 1, rounds: 1 },
  { what: 'an older copy of a store is noticed', seed: 3, rounds: 1 },
  { what: 'an erasure broken off is finished', seed: 7, rounds: 1 },
];
