export * from './clock.ts';
export * from './errors.ts';
export * from './log.ts';
export * from './secret.ts';
export * from './threads.ts';
