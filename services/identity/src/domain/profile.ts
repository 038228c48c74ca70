import type { Json, Row } from '@mindora/contracts';
import { MindoraError } from '@mindora/runtime';

/** Fields of the record itself, which a profile can't have. */
const reserved = ['user_id', 'created_at', 'updated_at'];

/**
 * What a client sends of a profile, without the fields of the record itself: who changes what it has read sends them
 * along.
 *
 * @throws MindoraError `invalid_request` where it names another user
 */
export function ownFields(userId: string, fields: { readonly [name: string]: Json }): { [name: string]: Json } {
  if (fields.user_id !== undefined && fields.user_id !== userId) {
    throw new MindoraError('invalid_request', 'user_id is another than that of the path', {
      data: { errors: [{ path: 'body.user_id', message: 'must be that of the path' }] },
    });
  }
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !reserved.includes(name)));
}

/** The profile's own fields beside those of the record (A1.9). */
export function flatProfile(userId: string, document: Row): Row & { user_id: string } {
  const { profile, created_at, updated_at } = document;
  const own = typeof profile === 'object' && profile !== null && !Array.isArray(profile) ? profile : {};
  return { ...own, user_id: userId, created_at: created_at ?? null, updated_at: updated_at ?? null };
}
