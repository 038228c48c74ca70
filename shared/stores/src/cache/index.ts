export { type CachePolling, subscribeByPolling } from './client.ts';
export { MemoryCache, type MemoryCacheOptions } from './memory.ts';
export type * from './port.ts';
