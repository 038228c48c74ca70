import type { Clock } from '@mindora/runtime';

interface Entry<T> {
  readonly value: Promise<T>;
  readonly until: number;
}

export interface Cache<T> {
  /** What is remembered of the key, else what `load` gives. */
  get(key: string, load: () => Promise<T>): Promise<T>;
  /** Forgets everything; who waits for a load still gets it. */
  clear(): void;
}

/**
 * Remembers what was loaded for a short time, by key; who asks meanwhile waits for the same load. A failure is not
 * remembered, nor is null.
 */
export function createCache<T>(clock: Clock, lifetimeMs: number, entriesMax: number): Cache<T> {
  const entries = new Map<string, Entry<T>>();
  const forget = (key: string, entry: Entry<T>): void => {
    if (entries.get(key) === entry) entries.delete(key);
  };
  const get = (key: string, load: () => Promise<T>): Promise<T> => {
    const known = entries.get(key);
    if (known !== undefined && clock.now() < known.until) return known.value;
    const entry: Entry<T> = { value: load(), until: clock.now() + lifetimeMs };
    entries.delete(key);
    entries.set(key, entry);
    if (entries.size > entriesMax) entries.delete(entries.keys().next().value ?? key);
    const settled = (value: T | null): void => {
      if (value === null) forget(key, entry);
    };
    // The rejection itself reaches whoever awaits the value.
    entry.value.then(settled, () => settled(null));
    return entry.value;
  };
  return { get, clear: () => entries.clear() };
}
