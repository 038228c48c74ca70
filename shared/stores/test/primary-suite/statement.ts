/** What lists of statements are made of. */

/** What it is, the statement, and by how much the versions of which users rise. */
export type Case = [string, string, Record<string, number>];

export interface Statements {
  readonly cases: readonly Case[];
  /** Attempts to give the conversation `o1` of `u1` to someone else. */
  readonly ownerChanges: { readonly before: string; readonly attempts: readonly string[] };
  /** Makes a row that {@link refused} changes. */
  readonly setUp: string;
  readonly refused: readonly string[];
}

/** The rest of an INSERT of a user. */
export const insertUser = (id: string, email: string): string =>
  `INTO users (user_id, username, email) VALUES ('${id}', '${id}', '${email}')`;
