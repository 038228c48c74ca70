/** Puts versions of one object until it is killed, telling each after it was stored. */
import { longContent } from './content.ts';
import type { ObjectsDriver } from './driver.ts';

const versionsMax = 1_000;
const crashBytes = 3_000_000;

async function run(module: string, directory: string, bucket: string, first: number): Promise<void> {
  const { driver } = (await import(module)) as { driver: ObjectsDriver };
  const store = await driver.open(directory);
  for (let seed = first; seed < first + versionsMax; seed++) {
    process.send?.({ begun: seed });
    const options = { contentType: 'application/octet-stream', metadata: { seed: String(seed) } };
    const { version } = await store.put(bucket, 'crash', longContent(seed, crashBytes), options);
    process.send?.({ stored: version, seed });
  }
}

const [module = '', directory = '', bucket = '', first = '1'] = process.argv.slice(2);
if (module !== '') await run(module, directory, bucket, Number(first));
