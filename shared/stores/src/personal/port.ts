import type { EntityName } from '@mindora/contracts';
import type { Target } from '../port.ts';
import type { Page } from '../relational/port.ts';

/** One private database file a user (A2.8). */
export interface PersonalQueries {
  /** A user's own records, newest first. */
  list(userId: string, entity: EntityName, limit: number, after: string | null): Promise<Page>;
  /**
   * Removes the file of a user who has nothing left in it, and what sync did not write with it; whether there was one.
   *
   * @throws MindoraError `conflict` where records of the user live
   */
  removeUser(userId: string): Promise<boolean>;
}

export type PersonalStore = Target & PersonalQueries;
