export type { BreakerState } from './breaker.ts';
export { Capture, type CaptureStatus } from './capture.ts';
export * from './engine.ts';
export * from './projections/index.ts';
export { createSyncService, type SyncCalls } from './service.ts';
export type { StoreStatus, StoreTotals, SyncStatus } from './status.ts';
