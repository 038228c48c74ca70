export * from './canonical.ts';
export * from './changes.ts';
export * from './documents.ts';
export * from './entities.ts';
export * from './errors.ts';
