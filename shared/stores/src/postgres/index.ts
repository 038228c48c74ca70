export * from './columns.ts';
export * from './database.ts';
export * from './errors.ts';
export * from './identifiers.ts';
export * from './plan.ts';
export * from './table.ts';
export * from './target.ts';
export * from './vectors.ts';
