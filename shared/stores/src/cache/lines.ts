import { compareKeys } from '@mindora/contracts';

/** What sync wrote of a record. */
export interface CacheLine {
  readonly version: number;
  /** When it was deleted; null while it lives. */
  readonly deletedAt: number | null;
  readonly expiresAt: number | null;
}

/** The versions of one entity, with pages in the order of ids. */
export class CacheLines {
  readonly #lines = new Map<string, CacheLine>();
  /** Ids in order, those removed meanwhile included; ids that came later are in `#added`. */
  #sorted: string[] = [];
  #added = new Set<string>();
  #cursor: Iterator<[string, CacheLine]> | null = null;

  get size(): number {
    return this.#lines.size;
  }

  get(id: string): CacheLine | undefined {
    return this.#lines.get(id);
  }

  set(id: string, line: CacheLine): void {
    if (!this.#lines.has(id)) this.#added.add(id);
    this.#lines.set(id, line);
  }

  delete(id: string): void {
    this.#lines.delete(id);
    this.#added.delete(id);
  }

  /** Ids above `after`, at most `limit`. */
  ids(after: string | null, limit: number): string[] {
    this.#order();
    const start = after === null ? 0 : this.#firstAbove(after);
    const ids: string[] = [];
    for (let i = start; i < this.#sorted.length && ids.length < limit; i++) {
      const id = this.#sorted[i] ?? '';
      if (this.#lines.has(id)) ids.push(id);
    }
    return ids;
  }

  /** The next lines of an endless round, for sweeping: at most `count`. */
  next(count: number): [string, CacheLine][] {
    const lines: [string, CacheLine][] = [];
    while (lines.length < count) {
      this.#cursor ??= this.#lines.entries();
      const step = this.#cursor.next();
      if (step.done === true) {
        this.#cursor = null;
        return lines;
      }
      lines.push(step.value);
    }
    return lines;
  }

  *entries(): Iterable<[string, CacheLine]> {
    yield* this.#lines;
  }

  /** Merges what was added since the last page; pages between two changes cost no sorting. */
  #order(): void {
    if (this.#added.size === 0) return;
    const added = [...this.#added].filter((id) => this.#lines.has(id)).sort(compareKeys);
    const fresh = this.#added;
    const merged: string[] = [];
    let at = 0;
    for (const id of this.#sorted) {
      if (!this.#lines.has(id) || fresh.has(id)) continue;
      while (at < added.length && compareKeys(added[at] ?? '', id) < 0) merged.push(added[at++] ?? '');
      merged.push(id);
    }
    this.#sorted = [...merged, ...added.slice(at)];
    this.#added = new Set();
  }

  #firstAbove(after: string): number {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compareKeys(this.#sorted[middle] ?? '', after) > 0) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
