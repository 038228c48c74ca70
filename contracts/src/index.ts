/**
 * The light half of the contracts: what every thread loads. Schemas of routes, reports and certificates, which need
 * zod and 40 MB, are in `@mindora/contracts/routes`; their types are here too.
 */
export * from './canonical.ts';
export * from './changes.ts';
export * from './definition.ts';
export * from './documents.ts';
export * from './entities.ts';
export type * from './erasure.ts';
export * from './errors.ts';
export type * from './internal.ts';
export * from './position.ts';
export type * from './routes/index.ts';
export type * from './verify.ts';
