import { MindoraError } from '@mindora/runtime';
import type { Mutation, PrimaryRecords } from '../primary/port.ts';

const active = { role: 'admin', status: 'active' } as const;

/**
 * A step that changes nothing, and fails with `conflict` where another active administrator isn't one any more: put
 * before the step that takes one away, it keeps two such steps at once from taking away the last two.
 *
 * @throws MindoraError `conflict` where the user is the last active administrator
 */
export async function anotherAdministrator(
  primary: Pick<PrimaryRecords, 'find' | 'get' | 'versions'>,
  userId: string,
): Promise<Mutation> {
  const found = await primary.find({ entity: 'user', where: active, limit: 2 });
  const other = found.map(({ user_id }) => String(user_id)).find((id) => id !== userId);
  if (other === undefined) throw lastOne();
  const key = { entity: 'user', id: other } as const;
  const [version = 0] = await primary.versions([key]);
  // Read after its version: what it says holds as long as the version does.
  const row = await primary.get(key);
  if (row?.role !== active.role || row.status !== active.status) throw lastOne();
  return { op: 'update', ...key, set: {}, version };
}

/**
 * Before a user is erased: takes an administrator's rights. Of two who are erased at once one stays, for this step
 * can't go through for both.
 *
 * @throws MindoraError `conflict` where the user is the last active administrator
 */
export async function retireAdministrator(
  primary: Pick<PrimaryRecords, 'find' | 'get' | 'versions' | 'write'>,
  userId: string,
): Promise<void> {
  const user = await primary.get({ entity: 'user', id: userId });
  if (user?.role !== active.role || user.status !== active.status) return;
  const guard = await anotherAdministrator(primary, userId);
  await primary.write([guard, { op: 'update', entity: 'user', id: userId, set: { status: 'inactive' } }]);
}

function lastOne(): MindoraError {
  return new MindoraError('conflict', 'this is the last active administrator; make another one first');
}
