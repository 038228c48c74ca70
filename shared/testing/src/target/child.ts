/** Applies batches until it is killed, telling each number after its apply has resolved. */
import type { Role } from '@mindora/contracts';
import { crashBatch } from './crash-batches.ts';
import type { TargetDriver } from './driver.ts';

const batchesMax = 100_000;

async function run(module: string, role: Role, directory: string, first: number): Promise<void> {
  const { driver } = (await import(module)) as { driver: TargetDriver };
  const store = await driver.open(role, directory);
  await store.migrate();
  for (let n = first; n < first + batchesMax; n++) {
    await store.apply(crashBatch(role, n));
    process.send?.(n);
  }
}

const [module = '', role = '', directory = '', first = '1'] = process.argv.slice(2);
await run(module, role as Role, directory, Number(first));
