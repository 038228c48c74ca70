/** Who may do what. Pure. */
import type { CallParams, OwnerField, Permission, Principal, RouteDefinition } from '@mindora/contracts';
import { MindoraError } from '@mindora/runtime';

type Fields = Record<string, unknown>;

/** @throws MindoraError `forbidden` where the caller lacks the permission */
export function checkPermission(permission: Permission | undefined, principal: Principal | null): void {
  if (permission === undefined || principal?.permissions.includes(permission) === true) return;
  throw new MindoraError('forbidden', `this needs the permission ${permission}`);
}

/** The user whose records the caller may touch: null for an administrator, '' (nobody's) for one who isn't known. */
export function scopeOf(principal: Principal | null): string | null {
  if (principal === null) return '';
  return principal.role === 'admin' ? null : principal.userId;
}

/**
 * Holds one who isn't an administrator to its own records, and fills in its id where the route lets it be left out.
 *
 * @param call validated
 * @throws MindoraError `forbidden`
 */
export function checkOwner(route: RouteDefinition, principal: Principal | null, call: CallParams): CallParams {
  const { owner } = route;
  const self = scopeOf(principal);
  if (owner === undefined || self === null) return call;
  const fields = call[owner.in] as Fields;
  if (owner.items !== undefined) {
    const items = fields[owner.items] as unknown[];
    for (const [index, item] of items.entries()) checkItem(item, `${owner.items}.${index}`, owner.field, self);
    return call;
  }
  if (fields[owner.field] === undefined && owner.optional === true) return withOwner(call, owner, fields, self);
  if (fields[owner.field] !== self) throw notYours(owner.field);
  return call;
}

function withOwner(call: CallParams, owner: OwnerField, fields: Fields, self: string): CallParams {
  return { ...call, [owner.in]: { ...fields, [owner.field]: self } };
}

/** An item without an owner is refused by its own schema, as one of the batch; one of another's ends it all. */
function checkItem(item: unknown, place: string, field: string, self: string): void {
  if (typeof item !== 'object' || item === null) return;
  const owner = (item as Fields)[field];
  if (owner !== undefined && owner !== self) throw notYours(`${place}.${field}`);
}

function notYours(field: string): MindoraError {
  return new MindoraError('forbidden', `${field} must be your own user id`);
}
