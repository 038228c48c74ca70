export * from './actions.ts';
export * from './bus-suite.ts';
export * from './child.ts';
export * from './model/target.ts';
export * from './target-model-suite.ts';
export * from './target-suite.ts';
export * from './temporary.ts';
export * from './until.ts';
