export { connectPrimary } from './client.ts';
export { openPrimary, type PrimaryOptions } from './engine.ts';
export type { PrimaryLocation } from './location.ts';
export type * from './port.ts';

/** The module of the primary's thread, for `Thread.start`; its data is a `PrimaryLocation`. */
export const primaryThread = new URL('./thread.ts', import.meta.url);
