/**
 * The keys of the cache in Redis, all below the version's namespace:
 *
 * - `conversation:{id}`, `analysis:{id}`: a record as JSON, with the time to live of A2.3;
 * - `sync:state`: a hash with a line for every record that sync wrote, tombstones included, with the positions and the
 *   label. They are fields of ONE key, because a server that is short of memory may evict any key: it can't lose the
 *   versions and keep the positions that say they are there. Without this key the store looks empty, and is filled;
 * - `sync:order:{entity}`: ids with equal scores, which Redis keeps in the order of their bytes; `sync:due`: when lines
 *   may be forgotten. Both are made anew from the lines where they don't match them;
 * - `value:{key}`, `counter:{key}`: what services keep.
 */
import { type EntityName, entitiesOf } from '@mindora/contracts';

/** Field of the state that holds the positions, as JSON by partition. */
export const positionsField = '@positions';
export const labelField = '@label';
/** Set when the contents that lie in the store have been compared with the lines since the state was made. */
export const wholeField = '@whole';

/** The entities that have records here. */
export const cachedEntities: readonly EntityName[] = entitiesOf('cache');

/** Names of keys under a namespace. */
export class RedisKeys {
  readonly namespace: string;
  readonly state: string;
  readonly due: string;

  constructor(namespace: string) {
    this.namespace = namespace;
    this.state = `${namespace}sync:state`;
    this.due = `${namespace}sync:due`;
  }

  order(entity: EntityName): string {
    return `${this.namespace}sync:order:${entity}`;
  }

  value(key: string): string {
    return `${this.namespace}value:${key}`;
  }

  counter(key: string): string {
    return `${this.namespace}counter:${key}`;
  }

  /** The name of a channel; channels are known to all databases of a server. */
  channel(name: string): string {
    return `${this.namespace}channel:${name}`;
  }

  /** What keys of ours begin with: another namespace may begin with this one. */
  get prefixes(): string[] {
    const kinds = ['sync', 'value', 'counter', ...cachedEntities];
    return kinds.map((kind) => `${this.namespace}${kind}:`);
  }

  /** A pattern for all keys that begin with the namespace and `rest`. */
  pattern(rest = ''): string {
    return `${(this.namespace + rest).replace(/[\\*?[\]]/g, '\\$&')}*`;
  }
}

/** What sync wrote of a record: `live` with the time it expires, `deleted` with the time of that, or `stray`: nothing. */
export interface RedisLine {
  readonly state: 'live' | 'deleted' | 'stray';
  readonly version: number | null;
  readonly at: number | null;
}

const states = { l: 'live', d: 'deleted', s: 'stray' } as const;

/** A line as the scripts write it: `version state time`. */
export function parseLine(text: string): RedisLine {
  const [version = '', letter = '', at = ''] = text.split(' ');
  const state = states[letter as keyof typeof states] ?? 'stray';
  return { state, version: state === 'stray' ? null : Number(version), at: at === '' ? null : Number(at) };
}
