import { type EntityName, encodePosition, entity, type Row } from '@mindora/contracts';
import { MindoraError } from '@mindora/runtime';
import type { Mutation } from '@mindora/stores';
import { decodeCursor, encodeCursor } from './cursor.ts';
import type { ConfigDependencies } from './dependencies.ts';
import { itemOf, sealSecret } from './items.ts';
import { checkChange, checkCreation, checkRemoval, childrenOf } from './rules.ts';

export interface Page {
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/**
 * The administrator's plain CRUD of one entity (A2.1). Answers never hold what is secret, only whether it is there.
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
  const write = async (unit: readonly Mutation[]) => {
    const written = await primary.write(unit);
    changed();
    return encodePosition(written);
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
    async create(body: Row) {
      await checkCreation(name, body, primary);
      const id = typeof body[key] === 'string' ? body[key] : dependencies.random.id();
      const row = await sealSecret(name, id, body, dependencies);
      const position = await write([{ op: 'insert', entity: name, row: { ...row, [key]: id } }]);
      return { id, item: itemOf(name, await stored(id)), position };
    },
    async get(id: string) {
      return { item: itemOf(name, await stored(id)) };
    },
    async update(id: string, body: Row) {
      const present = await stored(id);
      await checkChange(name, present, body, primary);
      const set = await sealSecret(name, id, body, dependencies);
      const position = await write([{ op: 'update', entity: name, id, set }]);
      return { item: itemOf(name, await stored(id)), position };
    },
    async remove(id: string) {
      checkRemoval(name, id);
      const children = await childrenOf(name, id, primary);
      const position = await write([...children, { op: 'delete', entity: name, id }]);
      return { id, position };
    },
  };
}
