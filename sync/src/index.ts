export type { BreakerState } from './breaker.ts';
export type { CaptureStatus } from './capture.ts';
export * from './engine.ts';
export * from './projections/index.ts';
export type { StoreStatus, StoreTotals, SyncStatus } from './status.ts';
