export { connectPrimary } from './client.ts';
export { openPrimary, type PrimaryOptions } from './engine.ts';
export type * from './port.ts';

/** The module of the primary's thread, for `Thread.start`; its data is `{ file }`. */
export const primaryThread = new URL('./thread.ts', import.meta.url);
