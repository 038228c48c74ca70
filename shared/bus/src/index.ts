export * from './embedded/bus.ts';
export * from './open.ts';
export * from './pack.ts';
export * from './partition.ts';
export type * from './port.ts';
export type * from './settings.ts';
