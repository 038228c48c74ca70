/** Damage to the cache in Redis. */
import type { DriftKind } from '@mindora/contracts';
import { RedisKeys } from '@mindora/stores/cache/redis-keys';
import type { Redis } from 'ioredis';
import { type Damage, damage, type Material } from './port.ts';

/** What a key holds is nobody's loss where it is only gone: a server that is short of memory may drop it, too. */
export function cacheDamages(redis: Redis, namespace: string, material: Material): Damage[] {
  const { state } = new RedisKeys(namespace);
  const field = (id: string): string => `conversation:${id}`;
  const key = (id: string): string => namespace + field(id);
  const on = (kind: DriftKind, about: string, harm: (id: string) => Promise<unknown>): Damage => {
    const { id } = material.conversation();
    return damage('cache', 'conversation', id, kind, about, () => harm(id));
  };
  const line = async (id: string, change: (version: number, rest: string) => string): Promise<void> => {
    const [, version = '', rest = ''] = /^(\d+)(.*)$/.exec((await redis.hget(state, field(id))) ?? '') ?? [];
    await redis.hset(state, field(id), change(Number(version), rest));
  };
  const copy = async (id: string, from: string): Promise<void> => {
    await redis.set(key(id), (await redis.get(key(from))) ?? '');
  };
  const { id: model } = material.conversation();
  const { id: gone } = material.deleted();
  const unknown = material.stranger();
  return [
    on('different', 'a text changed', async (id) => {
      const content = JSON.parse((await redis.get(key(id))) ?? '{}') as object;
      await redis.set(key(id), JSON.stringify({ ...content, user_input: 'x' }), 'KEEPTTL');
    }),
    on('different', 'content that is no document', (id) => redis.set(key(id), 'x', 'KEEPTTL')),
    on('different', 'a noted version raised', (id) => line(id, (version, rest) => `${version + 5}${rest}`)),
    on('stale', 'a noted version lowered', (id) => line(id, (version, rest) => `${version - 1}${rest}`)),
    on('different', 'a note deleted', (id) => redis.hdel(state, field(id))),
    on('missing', 'a note and its content deleted', async (id) => {
      await redis.hdel(state, field(id));
      await redis.del(key(id));
    }),
    on('different', 'a record noted as deleted', (id) => line(id, (version) => `${version} d ${Date.now()}`)),
    damage('cache', 'conversation', unknown, 'extra', 'an unknown key', () => copy(unknown, model)),
    damage('cache', 'conversation', gone, 'resurrected', 'a deleted record back', () => copy(gone, model)),
  ];
}
