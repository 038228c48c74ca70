import { expect } from '@jest/globals';
import { startChild } from '../child.ts';
import { digest } from './content.ts';
import type { ObjectsCase, ObjectsContext } from './context.ts';

const program = new URL('./child.ts', import.meta.url);
const rounds = 3;

interface Told {
  readonly begun?: number;
  readonly stored?: string;
}

/** Every version that is there has the content that its hash says. */
async function expectWhole(c: ObjectsContext): Promise<string[]> {
  const versions = await c.store.versions(c.bucket, 'crash');
  for (const { version } of versions) {
    const found = await c.store.get(c.bucket, 'crash', { version });
    if (found === null) throw new Error('a version that is listed is not there');
    const { sha256, size } = found.facts;
    expect(await digest(found.content)).toEqual({ sha256, size });
  }
  return versions.map(({ version }) => version);
}

export const crashCases: readonly ObjectsCase[] = [
  {
    name: 'killed while putting: what was stored is there, and never half an object',
    async run(c) {
      const stored: string[] = [];
      for (let round = 1; round <= rounds; round++) {
        await c.close();
        const first = round * 100;
        const child = startChild<Told>(program, [c.driver.module.href, c.directory, c.bucket, String(first)]);
        await child.message(({ begun }) => begun === first + round);
        await child.kill();
        stored.push(...child.messages.flatMap((told) => told.stored ?? []));
        await c.open();
        const whole = new Set(await expectWhole(c));
        expect(stored.filter((version) => !whole.has(version))).toEqual([]);
      }
    },
  },
];
