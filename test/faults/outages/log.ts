interface Line {
  readonly time?: string | number;
  readonly store?: string;
  readonly consumer?: string;
  readonly partition?: number;
  readonly msg?: string;
}

/** Lines about one thing (a store, a consumer's partition, a message) in one second, at most, since a time. */
export function linesPerS(log: string, since: number): number {
  const counts = new Map<string, number>();
  for (const text of log.split('\n')) {
    const line = parsed(text);
    const at = new Date(line?.time ?? 0).getTime();
    // A line a request is asked for: it tells who was answered what.
    if (line === null || at < since || line.msg === 'request') continue;
    const name = `${Math.floor(at / 1000)} ${line.store} ${line.consumer} ${line.partition} ${line.msg}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return Math.max(0, ...counts.values());
}

/** The first piece of a log may be cut off; libraries may write lines of their own. */
function parsed(text: string): Line | null {
  try {
    return JSON.parse(text) as Line;
  } catch {
    return null;
  }
}
