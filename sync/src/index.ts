export type { BreakerState } from './breaker.ts';
export type { CaptureStatus } from './capture.ts';
export * from './engine.ts';
export * from './projections/index.ts';
export { createSyncService, type SyncCalls } from './service.ts';
export type { StoreStatus, StoreTotals, SyncStatus } from './status.ts';
export type { SyncThreadData } from './thread.ts';

/** The module of sync's thread, for `Thread.start`, with {@link SyncThreadData}. */
export const syncThread = new URL('./thread.ts', import.meta.url);
