import { startEngine } from '../src/engines/index.ts';

/** A process that starts an engine and is killed by the test. */
const engine = await startEngine(process.argv[2] === 'postgres' ? 'postgres' : 'redis');
if (process.argv[3] === 'frozen') await engine.suspend();
process.send?.({ pid: engine.pid, directory: engine.directory });
process.once('message', () => process.disconnect());
