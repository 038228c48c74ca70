/** Runs sync on stores in memory, one of which ends the process at a certain record. */
import type { MemoryTarget } from './memory-target.ts';
import { memoryTargets, World } from './world.ts';

const [path = '', victim = ''] = process.argv.slice(2);
const targets = memoryTargets();
const personal = targets.get('personal') as MemoryTarget;
personal.beforeApply = ({ items }) => {
  if (items.some(({ id }) => id === victim)) process.kill(process.pid, 'SIGKILL');
};
const directory = { path, file: (name: string) => `${path}/${name}`, remove: async () => undefined };
const world = await World.open({ directory, targets, partitions: 1 });
world.start();
await world.settled(30_000);
process.send?.({ lives: personal.lives(), parked: await world.sync.listParked({ store: null, entity: null }) });
process.disconnect?.();
await world.stop();
await world.primary.close();
