/** A process that writes as fast as it can and reports each write once it was acknowledged. Killed by its parent. */
import { writeSync } from 'node:fs';
import { openPrimary, type PrimaryLocation } from '../../src/primary/index.ts';
import { conversation } from './world.ts';

const primary = await openPrimary(JSON.parse(process.argv[2] ?? '') as PrimaryLocation);
await primary.migrate();

async function client(name: number): Promise<void> {
  for (let n = 0; ; n++) {
    const [written] = await primary.records.write([conversation(`c${name}-${n}`)]);
    writeSync(1, `${written?.id}\n`);
  }
}

await Promise.all(Array.from({ length: 16 }, (_, name) => client(name)));
