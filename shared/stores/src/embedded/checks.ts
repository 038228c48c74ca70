import { documents, type Role } from '@mindora/contracts';
import { MindoraError } from '@mindora/runtime';
import type { ApplyItem } from '../port.ts';
import { ContentError } from './errors.ts';

/** @throws ContentError where an item can't be of this store */
export function assertItem(role: Role, { entity, id, version, document }: ApplyItem): void {
  const definition = documents[role][entity];
  if (definition === undefined) throw new ContentError(`${role} holds no such entity`);
  if (!id.isWellFormed()) throw new ContentError('the id is not valid Unicode');
  if (!Number.isSafeInteger(version) || version < 1) throw new ContentError('the version is not a positive integer');
  if (document !== null && document[definition.key] !== id) throw new ContentError('the document is of another record');
}

/** @throws MindoraError `invalid_request` */
export function assertLimit(limit: number, max = 10_000): void {
  if (Number.isSafeInteger(limit) && limit >= 1 && limit <= max) return;
  throw new MindoraError('invalid_request', `limit must be an integer of 1 to ${max}`);
}
