import type { EntityName, Json, Row } from '@mindora/contracts';
import { encodePosition } from '@mindora/contracts';
import { toMindoraError } from '@mindora/runtime';
import { type PrimaryRecords, retireAdministrator } from '@mindora/stores';
import type { IdentityDependencies } from './dependencies.ts';
import { flatProfile, ownFields } from './profile.ts';
import { userInfoOf } from './users.ts';

const collections = {
  conversations: 'conversation',
  analyses: 'analysis',
  profiles: 'profile',
  financial_records: 'financial_record',
} as const satisfies Record<string, EntityName>;

type Collection = keyof typeof collections;

/** Accounts, profiles and what a user has in its private database (A1.9, A1.10, A2.8, A4.7). */
export function accountUseCases({ primary, documents, personal, clock, erase }: IdentityDependencies) {
  return {
    async profile(userId: string) {
      const document = await documents.profile(userId);
      return { profile: document === null ? null : flatProfile(userId, document) };
    },
    async mergeProfile(userId: string, fields: { readonly [name: string]: Json }) {
      const otherwise = { user_id: userId, profile: {} };
      const written = await primary.write([
        { op: 'merge', entity: 'profile', id: userId, column: 'profile', fields: ownFields(userId, fields), otherwise },
      ]);
      return { success: true, position: encodePosition(written) };
    },
    async user(userId: string) {
      const row = await primary.get({ entity: 'user', id: userId });
      return { user_info: row === null ? null : userInfoOf(row) };
    },
    stampLogin: (userId: string) => stampLogin(primary, userId, clock.timestamp()),
    async erase(userId: string) {
      await retireAdministrator(primary, userId);
      return { certificate: await erase(userId) };
    },
    async personal(userId: string, collection: Collection, page: { limit: number; cursor?: string | undefined }) {
      const { items, next } = await personal.list(userId, collections[collection], page.limit, page.cursor ?? null);
      return { items: [...items], next };
    },
  };
}

async function stampLogin(primary: PrimaryRecords, userId: string, time: string): Promise<{ success: boolean }> {
  const set: Row = { last_login: time };
  try {
    await primary.write([{ op: 'update', entity: 'user', id: userId, set }]);
    return { success: true };
  } catch (thrown) {
    const error = toMindoraError(thrown);
    if (error.code !== 'not_found') throw error;
    return { success: false };
  }
}
