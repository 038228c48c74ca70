/**
 * Ids in the order of their bytes, from an engine that knows only the order of hashes. A pass over all of it keeps the
 * lowest ids above the wanted place, so many at most, and pages are served from them; a store that holds more takes as
 * many passes. What this process writes meanwhile is added, so a window misses nothing that was there when it was made
 * or came since.
 */
import type { EntityName } from '@mindora/contracts';

/** Gives every id of an entity, in any order, an id perhaps twice. */
export type Enumerate = (entity: EntityName) => AsyncIterable<readonly string[]>;

/** Ids of all windows together; some 60 bytes each. */
export const windowIdsMax = 250_000;
const windowsMax = 16;
/** A scan that goes on later than this sees what others did meanwhile. */
const windowAgeMaxMs = 600_000;

export interface IdPage {
  readonly ids: readonly string[];
  readonly next: string | null;
}

export class Windows {
  readonly #enumerate: Enumerate;
  readonly #now: () => number;
  readonly #idsMax: number;
  #windows: Window[] = [];

  constructor(enumerate: Enumerate, now: () => number, idsMax = windowIdsMax) {
    this.#enumerate = enumerate;
    this.#now = now;
    this.#idsMax = idsMax;
  }

  /** Ids above `after`, at most `limit`. From the start, everything is looked at anew. */
  async page(entity: EntityName, after: string | null, limit: number): Promise<IdPage> {
    const from = after === null ? null : toKey(after);
    const held = from === null ? undefined : this.#windows.find((one) => one.covers(entity, from, this.#now()));
    const window = held ?? (await this.#fill(entity, from));
    return window.page(from, limit);
  }

  /** An id that was written. */
  add(entity: EntityName, id: string): void {
    for (const window of this.#windows) window.add(entity, toKey(id));
  }

  /** What was looked at is looked at anew. */
  clear(): void {
    this.#windows = [];
  }

  async #fill(entity: EntityName, from: string | null): Promise<Window> {
    const window = new Window(entity, from, this.#now(), this.#idsMax);
    // Listed before it is filled, so that what is written meanwhile gets in, too.
    this.#windows = [...this.#windows, window].slice(-windowsMax);
    try {
      for await (const ids of this.#enumerate(entity)) for (const id of ids) window.add(entity, toKey(id));
    } catch (error) {
      this.#windows = this.#windows.filter((one) => one !== window);
      throw error;
    }
    window.complete();
    this.#evict(window);
    return window;
  }

  #evict(kept: Window): void {
    let room = this.#idsMax - kept.size;
    this.#windows = this.#windows.toReversed().filter((one) => {
      if (one === kept) return true;
      room -= one.size;
      return room >= 0;
    });
    this.#windows.reverse();
  }
}

class Window {
  readonly #entity: EntityName;
  readonly #from: string | null;
  readonly #madeAt: number;
  readonly #idsMax: number;
  /** In order, each once. */
  #keys: string[] = [];
  /** Not yet in order. */
  #added: string[] = [];
  /** Ids beyond this were let go; null where none was. */
  #to: string | null = null;
  #isComplete = false;

  constructor(entity: EntityName, from: string | null, madeAt: number, idsMax: number) {
    this.#entity = entity;
    this.#from = from;
    this.#madeAt = madeAt;
    this.#idsMax = idsMax;
  }

  get size(): number {
    return this.#keys.length + this.#added.length;
  }

  /** Whether all ids directly above a place are here. */
  covers(entity: EntityName, from: string, now: number): boolean {
    if (!this.#isComplete || entity !== this.#entity || now - this.#madeAt > windowAgeMaxMs) return false;
    return (this.#from === null || from >= this.#from) && (this.#to === null || from < this.#to);
  }

  add(entity: EntityName, key: string): void {
    if (entity !== this.#entity || (this.#from !== null && key <= this.#from)) return;
    if (this.#to !== null && key > this.#to) return;
    if (this.#isComplete && this.#keys[firstAbove(this.#keys, key) - 1] === key) return;
    this.#added.push(key);
    if (this.#added.length >= this.#idsMax) this.#merge();
  }

  complete(): void {
    this.#merge();
    this.#isComplete = true;
  }

  page(from: string | null, limit: number): IdPage {
    this.#merge();
    const start = from === null ? 0 : firstAbove(this.#keys, from);
    const keys = this.#keys.slice(start, start + limit);
    const isEnd = start + limit >= this.#keys.length && this.#to === null;
    const last = keys.at(-1);
    return { ids: keys.map(fromKey), next: isEnd || last === undefined ? null : fromKey(last) };
  }

  #merge(): void {
    if (this.#added.length === 0) return;
    const all = [...new Set([...this.#keys, ...this.#added])].sort();
    this.#added = [];
    this.#keys = all.length > this.#idsMax ? all.slice(0, this.#idsMax) : all;
    if (all.length > this.#idsMax) this.#to = this.#keys.at(-1) ?? null;
  }
}

/** Index of the first key above a place. */
function firstAbove(keys: readonly string[], place: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((keys[middle] ?? '') > place) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** A string whose order as UTF-16 is that of the id's UTF-8 bytes: a character a byte. */
function toKey(id: string): string {
  return Buffer.from(id).toString('latin1');
}

function fromKey(key: string): string {
  return Buffer.from(key, 'latin1').toString();
}
