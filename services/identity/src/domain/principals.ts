import type { Principal, Row } from '@mindora/contracts';
import type { PrimaryRecords } from '@mindora/stores';

/** Most rights that are looked at; a version has a handful. */
const rightsMax = 1000;

/** Who calls: an active user with the rights of its role as they are now (A2.1). */
export function principalUseCases(primary: Pick<PrimaryRecords, 'get' | 'find' | 'apiKey'>) {
  const ofUser = async (userId: string): Promise<Principal | null> => {
    const row = await primary.get({ entity: 'user', id: userId });
    return row === null ? null : principalOf(primary, row);
  };
  return {
    ofUser,
    async ofKey(hash: string): Promise<Principal | null> {
      const key = await primary.apiKey(hash);
      return key === null || key.revoked_at !== null ? null : ofUser(key.user_id);
    },
  };
}

/** Null where the user isn't active. */
export async function principalOf(primary: Pick<PrimaryRecords, 'find'>, user: Row): Promise<Principal | null> {
  const { user_id: userId, role, status } = user;
  if (status !== 'active' || !isRole(role)) return null;
  return { userId: String(userId), role, permissions: await permissionsOf(primary, role) };
}

async function permissionsOf(primary: Pick<PrimaryRecords, 'find'>, role: string): Promise<string[]> {
  const [granted, active] = await Promise.all([
    primary.find({ entity: 'role_permission', where: { role_name: role }, limit: rightsMax }),
    primary.find({ entity: 'permission', where: { is_active: true }, limit: rightsMax }),
  ]);
  const codes = new Set(active.map((row) => row.permission_code));
  return granted
    .map((row) => row.permission_code)
    .filter((code): code is string => typeof code === 'string' && codes.has(code))
    .sort();
}

function isRole(role: unknown): role is Principal['role'] {
  return role === 'admin' || role === 'user' || role === 'guest';
}
