/** What plain CRUD may not do, by entity. */
import { type EntityName, entity, type Row } from '@mindora/contracts';
import { MindoraError } from '@mindora/runtime';
import { anotherAdministrator, type Mutation, type PrimaryRecords } from '@mindora/stores';
import { checkConfig } from './values.ts';

type Reads = Pick<PrimaryRecords, 'get' | 'find' | 'versions'>;

/** Most rights of roles that name one permission: one a role. */
const grantsMax = 100;

/** @throws MindoraError `invalid_request` */
export async function checkCreation(name: EntityName, body: Row, primary: Reads): Promise<void> {
  if (name === 'system_config') checkConfig({ ...standardsOf(name), ...body });
  if (name === 'ai_service_config') checkEndpoint(body);
  if (name === 'role_permission') await checkGrant(body, primary);
}

/** @throws MindoraError `invalid_request` */
export async function checkChange(name: EntityName, present: Row, change: Row, primary: Reads): Promise<void> {
  const changed = { ...present, ...change };
  if (name === 'system_config') checkConfig(changed);
  if (name === 'ai_service_config') checkEndpoint(changed);
  if (name === 'role_permission') await checkGrant(changed, primary);
}

/** Steps that must go through before a change. @throws MindoraError `conflict` where no administrator would be left */
export async function guardsOf(name: EntityName, present: Row, change: Row, primary: Reads): Promise<Mutation[]> {
  const isLess = isActiveAdministrator(present) && !isActiveAdministrator({ ...present, ...change });
  return name === 'user' && isLess ? [await anotherAdministrator(primary, String(present.user_id))] : [];
}

/**
 * A permission to manage users must not be one to become an administrator: rights, and accounts that are or become
 * an administrator's, are for administrators.
 *
 * @throws MindoraError `forbidden`
 */
export function checkRights(name: EntityName, rows: readonly Row[], scope: string | null): void {
  if (scope === null) return;
  const isRight = name === 'permission' || name === 'role_permission';
  const isAdministrator = name === 'user' && rows.some(({ role }) => role === 'admin');
  if (isRight || isAdministrator) throw new MindoraError('forbidden', 'this is for administrators');
}

/** @throws MindoraError `method_not_allowed`: an account isn't a row, it is a user with records in every store */
export function checkRemoval(name: EntityName, id: string): void {
  if (name !== 'user') return;
  const path = `/api/v1/ai/user/${encodeURIComponent(id)}`;
  throw new MindoraError('method_not_allowed', `remove users with all that is theirs by DELETE ${path}`);
}

/** Records that go with one: there are no cascades in the primary. */
export async function childrenOf(name: EntityName, id: string, primary: Reads): Promise<Mutation[]> {
  if (name !== 'permission') return [];
  const where = { permission_code: id };
  const grants = await primary.find({ entity: 'role_permission', where, limit: grantsMax });
  return grants.map((grant) => ({ op: 'delete', entity: 'role_permission', id: String(grant.id) }));
}

function standardsOf(name: EntityName): Row {
  const columns = Object.entries(entity(name).columns);
  return Object.fromEntries(columns.map(([column, { default: standard }]) => [column, standard ?? null]));
}

function checkEndpoint({ api_endpoint: endpoint }: Row): void {
  if (typeof endpoint !== 'string') return;
  const url = URL.parse(endpoint);
  if (url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '') return;
  const fields = ['api_endpoint'];
  throw new MindoraError('invalid_request', 'api_endpoint must be an http(s) URL without credentials', {
    data: { fields },
  });
}

async function checkGrant({ permission_code: code }: Row, primary: Reads): Promise<void> {
  const permission = typeof code === 'string' ? await primary.get({ entity: 'permission', id: code }) : null;
  if (permission !== null) return;
  const fields = ['permission_code'];
  throw new MindoraError('invalid_request', 'there is no such permission', { data: { fields } });
}

function isActiveAdministrator({ role, status }: Row): boolean {
  return role === 'admin' && status === 'active';
}
