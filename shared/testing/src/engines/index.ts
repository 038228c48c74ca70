export { startEngine } from './launch.ts';
export * from './port.ts';
export { sharedEngine, shareEngines, stopSharedEngines } from './shared.ts';
