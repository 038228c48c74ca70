import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { objectsCases } from './objects/cases.ts';
import { ObjectsContext } from './objects/context.ts';
import { crashCases } from './objects/crash-cases.ts';
import type { ObjectsDriver } from './objects/driver.ts';
import { type TemporaryDirectory, temporaryDirectory } from './temporary.ts';

export type { LinkAnswer, ObjectsDriver } from './objects/driver.ts';

const cases = [...objectsCases, ...crashCases];

/** Holds an engine of objects to the port `Objects`. */
export function testObjects(name: string, driver: ObjectsDriver): void {
  describe(`objects: ${name}`, () => {
    let directory: TemporaryDirectory;
    let context: ObjectsContext;
    beforeEach(async () => {
      directory = await temporaryDirectory();
      context = new ObjectsContext(driver, directory.path);
    });
    afterEach(async () => {
      await context.close();
      await directory.remove();
    });

    for (const one of cases) {
      test(one.name, async () => {
        await context.open();
        await one.run(context);
      });
    }

    test('the suite is whole', () => {
      expect(new Set(cases.map((one) => one.name)).size).toBe(cases.length);
    });
  });
}
