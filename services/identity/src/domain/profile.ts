import type { Json, Row } from '@mindora/contracts';
import { MindoraError } from '@mindora/runtime';

/** Fields of the record itself, which a profile can't have. */
const reserved = ['user_id', 'created_at', 'updated_at'] as const;

/** @throws MindoraError `invalid_request` where a field has the name of one that the record itself has */
export function refuseReserved(fields: { readonly [name: string]: Json }): void {
  const taken = reserved.filter((name) => Object.hasOwn(fields, name));
  if (taken.length === 0) return;
  throw new MindoraError('invalid_request', `a profile can't set ${taken.join(', ')}`, { data: { fields: taken } });
}

/** The profile's own fields beside those of the record (A1.9). */
export function flatProfile(userId: string, document: Row): Row & { user_id: string } {
  const { profile, created_at, updated_at } = document;
  const own = typeof profile === 'object' && profile !== null && !Array.isArray(profile) ? profile : {};
  return { ...own, user_id: userId, created_at: created_at ?? null, updated_at: updated_at ?? null };
}
