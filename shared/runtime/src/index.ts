/**
 * The light half of the runtime: what every thread loads. The service host, metrics and tokens, with the libraries
 * they need, are in `@mindora/runtime/service`, `/metrics` and `/tokens`; their types are here too.
 */
export * from './clock.ts';
export * from './errors.ts';
export * from './keys.ts';
export * from './log.ts';
export type * from './metrics.ts';
export * from './password.ts';
export * from './secret.ts';
export type * from './service.ts';
export * from './threads.ts';
export type * from './tokens.ts';
