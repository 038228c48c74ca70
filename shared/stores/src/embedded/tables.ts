import type { EntityName } from '@mindora/contracts';
import type { Found, Range, Table } from './table.ts';
import type { PresentItem, RoleTables } from './target.ts';

/** Where the documents of one entity lie. */
export interface EntityTable {
  /** True where something of another layout was there and was dropped with its content. */
  create(): boolean;
  drop(): void;
  put(item: PresentItem): void;
  remove(id: string): void;
  read(id: string): Found | null;
  range(after: string | null, limit: number): Range;
  ids(after: string | null, limit: number): string[];
  /** See {@link RoleTables.scrub}. */
  scrub?(): void;
}

/** A plain table as the place of an entity. */
export function plainTable(table: Table): EntityTable {
  return {
    create: () => table.create(),
    drop: () => table.drop(),
    put: (item) => table.put(item.document),
    remove: (id) => table.remove(id),
    read: (id) => table.read(id),
    range: (after, limit) => table.range(after, limit),
    ids: (after, limit) => table.ids(after, limit),
  };
}

/** The tables of a role that has one place for each entity. */
export function roleTables(byEntity: Partial<Record<EntityName, EntityTable>>): RoleTables {
  const entries = Object.entries(byEntity) as [EntityName, EntityTable][];
  const of = (entity: EntityName): EntityTable => {
    const table = byEntity[entity];
    if (table === undefined) throw new RangeError('no table of this entity');
    return table;
  };
  return {
    create: () => entries.filter(([, table]) => table.create()).map(([entity]) => entity),
    drop: () => {
      for (const [, table] of entries) table.drop();
    },
    put: (item) => of(item.entity).put(item),
    remove: (entity, id) => of(entity).remove(id),
    read: (entity, id) => of(entity).read(id),
    range: (entity, after, limit) => of(entity).range(after, limit),
    ids: (entity, after, limit) => of(entity).ids(after, limit),
    scrub: () => {
      for (const [, table] of entries) table.scrub?.();
    },
  };
}
