/** What is also of use where no test runner is: in children of tests, benches and the fault driver. */
export * from './child.ts';
export * from './seeded.ts';
export * from './temporary.ts';
export * from './until.ts';
