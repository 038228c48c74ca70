export * from './projections/index.ts';
