import type { EntityName, Role } from '@mindora/contracts';
import { documentOf, storesOf } from '@mindora/contracts';
import { MindoraError } from '@mindora/runtime';
import type { Target } from '../port.ts';
import type { Page } from '../relational/port.ts';

export interface RowsQuery {
  readonly entity: EntityName;
  /** Fields of type keyword that must equal; all must hold, none gives all rows. */
  readonly where: Readonly<Record<string, string>>;
  /** 1-1,000. */
  readonly limit: number;
  /** `next` of the page before; null for the first. */
  readonly after: string | null;
}

/** One of the special databases (A2.9-A2.11): rows as the primary has them, as old as their schedule lets them be. */
export interface SpecialQueries {
  /** Rows of an entity, by id. @throws MindoraError `invalid_request` where the entity or a field isn't held here */
  rows(query: RowsQuery): Promise<Page>;
}

export type SpecialStore = Target & SpecialQueries;

/** Checks a query against what a role holds. @throws MindoraError `invalid_request` */
export function assertRowsQuery(role: Role, { entity, where }: RowsQuery): void {
  if (!storesOf(entity).includes(role)) throw new MindoraError('invalid_request', `${role} holds no ${entity}`);
  const { fields } = documentOf(role, entity);
  for (const field of Object.keys(where)) {
    if (Object.hasOwn(fields, field) && fields[field] === 'keyword') continue;
    throw new MindoraError('invalid_request', `${entity} can't be looked up by ${field}`, {
      data: { fields: [field] },
    });
  }
}
