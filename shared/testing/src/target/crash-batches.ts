import type { Role } from '@mindora/contracts';
import type { ApplyBatch } from '@mindora/stores';
import { mainEntity, ownerOf, sampleDocument } from './sample.ts';

const keys = 60;
const perBatch = 20;

export const crashKeys: readonly string[] = Array.from({ length: keys }, (_, i) => `crash-${i}`);

/** Batch `n` of a run that is killed: both the child that applies and the test that checks compute it. */
export function crashBatch(role: Role, n: number): ApplyBatch {
  const entity = mainEntity(role);
  const items = Array.from({ length: perBatch }, (_, i) => {
    const id = crashKeys[(n * 13 + i * 3) % keys] ?? '';
    const document = sampleDocument(role, entity, id, n);
    const isDeletion = (n + i) % 7 === 0;
    return {
      entity,
      id,
      version: n,
      owner: ownerOf(document),
      document: isDeletion ? null : document,
      expiresAt: null,
    };
  });
  return { items, positions: [{ incarnation: 'bus-1', partition: 0, n }] };
}
