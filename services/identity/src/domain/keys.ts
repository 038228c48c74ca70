import type { CallMeta } from '@mindora/contracts';
import { MindoraError, newApiKey } from '@mindora/runtime';
import type { ApiKey } from '@mindora/stores';
import type { IdentityDependencies } from './dependencies.ts';

export interface NewKey {
  readonly name: string;
  readonly user_id?: string | undefined;
}

/** API keys: shown once, kept as hashes (A2.1). */
export function keyUseCases({ primary, clock, random }: IdentityDependencies) {
  return {
    /** For the caller; an administrator also for another user. */
    async create({ name, user_id }: NewKey, { principal, scope }: CallMeta) {
      const userId = scope ?? user_id ?? principal?.userId;
      const user = userId === undefined ? null : await primary.get({ entity: 'user', id: userId });
      if (userId === undefined || user === null) throw new MindoraError('not_found', 'there is no such user');
      const { key, hash } = newApiKey(random);
      const stored: ApiKey = {
        id: random.id(),
        hash,
        user_id: userId,
        name,
        created_at: clock.timestamp(),
        revoked_at: null,
      };
      await primary.addApiKey(stored);
      return { key, key_info: keyInfoOf(stored) };
    },
    /** Those in force, of one user or of all. */
    async list(userId: string | null) {
      const keys = await primary.apiKeys(userId);
      return { keys: keys.filter(({ revoked_at }) => revoked_at === null).map(keyInfoOf) };
    },
    async revoke(id: string, scope: string | null) {
      const isOwn = scope === null || (await primary.apiKeys(scope)).some((key) => key.id === id);
      if (!isOwn || !(await primary.revokeApiKey(id))) throw new MindoraError('not_found', 'there is no such key');
      return { success: true };
    },
  };
}

function keyInfoOf({ id, user_id, name, created_at }: ApiKey) {
  return { id, user_id, name, created_at };
}
