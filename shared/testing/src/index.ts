export * from './bus-suite.ts';
export * from './child.ts';
export * from './temporary.ts';
export * from './until.ts';
