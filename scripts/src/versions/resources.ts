/** What of a version has limits of memory and CPU. */

/** The containers of a version, as its manifest names them. */
export const resourceNames = [
  'mindora',
  'mysql',
  'postgres',
  'redis',
  'neo4j',
  'mongodb',
  'elasticsearch',
  'weaviate',
  'identity',
  'governance',
  'credit',
  'nats',
  'ports',
] as const;

export type ResourceName = (typeof resourceNames)[number];

/** Megabytes (of 2^20) in a text like 512m or 2g. */
export function megabytesOf(memory: string): number {
  return Number.parseInt(memory, 10) * (memory.endsWith('g') ? 1024 : 1);
}
