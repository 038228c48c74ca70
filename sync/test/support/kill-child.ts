/** Runs a whole version on its embedded engines and writes to it at random until it is killed. */
import { embeddedTargets } from './stores.ts';
import { World } from './world.ts';
import { seeded, writeRandomly } from './writes.ts';

const writesMax = 1_000_000;

const [path = '', seed = '0'] = process.argv.slice(2);
const directory = { path, file: (name: string) => `${path}/${name}`, remove: async () => undefined };
const world = await World.open({ directory, targets: await embeddedTargets(path) });
world.start();
const random = seeded(Number(seed));
for (let n = 1; n <= writesMax; n++) {
  await writeRandomly(world.primary, random);
  process.send?.(n);
}
