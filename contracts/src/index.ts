export * from './canonical.ts';
export * from './changes.ts';
export * from './documents.ts';
export * from './entities.ts';
export * from './erasure.ts';
export * from './errors.ts';
export * from './position.ts';
export * from './routes/index.ts';
