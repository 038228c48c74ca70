export * from './actions.ts';
export * from './bus-suite.ts';
export * from './fill.ts';
export * from './model/target.ts';
export * from './objects-suite.ts';
export * from './plain.ts';
export * from './target-model-suite.ts';
export * from './target-suite.ts';
