import { type EntityName, encodePosition, entity, type Row } from '@mindora/contracts';
import { MindoraError } from '@mindora/runtime';
import type { Mutation } from '@mindora/stores';
import { decodeCursor, encodeCursor } from './cursor.ts';
import type { ConfigDependencies } from './dependencies.ts';
import { itemOf, sealSecret, withoutForeignKey } from './items.ts';
import { checkChange, checkCreation, checkRemoval, checkRights, childrenOf, guardsOf } from './rules.ts';

export interface Page {
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/**
 * The administrator's plain CRUD of one entity (A2.1). Answers never hold what is secret, only whether it is there.
 *
 * `scope` is null for administrators; others are here by a permission that was given to their role.
 *
 * @param changed called after each write
 */
export function crudUseCases(name: EntityName, dependencies: ConfigDependencies, changed: () => void) {
  const { primary } = dependencies;
  const { key } = entity(name);
  const stored = async (id: string): Promise<Row> => {
    const row = await primary.get({ entity: name, id }, { secrets: true });
    if (row === null) throw new MindoraError('not_found', `there is no such ${name}`);
    return row;
  };
  const write = async (guards: readonly Mutation[], unit: readonly Mutation[]) => {
    const written = await primary.write([...guards, ...unit]);
    changed();
    return encodePosition(written.slice(guards.length));
  };
  return {
    /** In the order of the keys. */
    async list({ limit, cursor }: Page) {
      const after = cursor === undefined ? null : decodeCursor(cursor);
      const rows = await primary.find({ entity: name, after, limit: limit + 1, secrets: true });
      const page = rows.slice(0, limit);
      const last = page.at(-1)?.[key];
      const next = rows.length > limit && typeof last === 'string' ? encodeCursor(last) : null;
      return { items: page.map((row) => itemOf(name, row)), next };
    },
    async create(body: Row, scope: string | null) {
      checkRights(name, [body], scope);
      await checkCreation(name, body, primary);
      const id = typeof body[key] === 'string' ? body[key] : dependencies.random.id();
      const row = await sealSecret(name, id, body, dependencies);
      const position = await write([], [{ op: 'insert', entity: name, row: { ...row, [key]: id } }]);
      return { id, item: itemOf(name, await stored(id)), position };
    },
    async get(id: string) {
      return { item: itemOf(name, await stored(id)) };
    },
    async update(id: string, body: Row, scope: string | null) {
      const present = await stored(id);
      checkRights(name, [present, body], scope);
      await checkChange(name, present, body, primary);
      const guards = await guardsOf(name, present, body, primary);
      const sealed = await sealSecret(name, id, body, dependencies);
      const set = withoutForeignKey(name, present, sealed);
      const position = await write(guards, [{ op: 'update', entity: name, id, set }]);
      return { item: itemOf(name, await stored(id)), position };
    },
    async remove(id: string, scope: string | null) {
      checkRemoval(name, id);
      checkRights(name, [], scope);
      const children = await childrenOf(name, id, primary);
      const position = await write([], [...children, { op: 'delete', entity: name, id }]);
      return { id, position };
    },
  };
}
