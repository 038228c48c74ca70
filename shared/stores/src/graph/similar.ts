/** Who is similar to a user: the same sum on every engine. */
export interface SimilarUser {
  readonly userId: string;
  readonly shared: string[];
  readonly score: number;
}

/** Adds up what users share. What few have weighs more: 1 / log2(1 + users of it); a relation weighs its similarity. */
export class Similarity {
  readonly #found = new Map<string, { shared: string[]; score: number }>();

  /** A model or a skill with all the users of it. */
  addShared(name: string, users: readonly string[], self: string): void {
    for (const user of users) if (user !== self) this.add(user, name, 1 / Math.log2(1 + users.length));
  }

  add(user: string, name: string, weight: number): void {
    const known = this.#found.get(user) ?? { shared: [], score: 0 };
    this.#found.set(user, { shared: [...known.shared, name], score: known.score + weight });
  }

  best(limit: number): SimilarUser[] {
    const users = [...this.#found].map(([userId, { shared, score }]) => ({ userId, shared, score }));
    return users.sort((a, b) => b.score - a.score || (a.userId < b.userId ? -1 : 1)).slice(0, limit);
  }
}
