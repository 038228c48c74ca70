/**
 * Runs in a process that the suite kills. Arguments: the driver's module, the location, and what to do:
 * `publish` sends batches one by one and reports each after it was confirmed; `consume` reports each delivery of
 * partition 0 and never finishes the one that carries the id `fatal`.
 */
import type { BusDriver } from './driver.ts';
import { batchOf, consumers, partitions } from './driver.ts';

const publishedMax = 100_000;

async function run(module: string, location: string, task: string): Promise<void> {
  const { driver } = (await import(module)) as { driver: BusDriver };
  const bus = await driver.open(location, { consumers, partitions });
  if (task === 'publish') {
    for (let i = 1; i <= publishedMax; i++) {
      await bus.publish([batchOf(0, `a${i}`), batchOf(1, `b${i}`)]);
      process.send?.(i);
    }
  } else {
    bus.consume(consumers[0], 0, async ({ n, deliveries, changes }) => {
      process.send?.({ n, deliveries });
      if (changes.some((change) => change.id === 'fatal')) await new Promise(() => setInterval(() => undefined, 1000));
    });
  }
}

const [module = '', location = '', task = ''] = process.argv.slice(2);
await run(module, location, task);
