/** What a lock that someone else holds does to writes. */
import { expect, test } from '@jest/globals';
import { conversation, startPrimary } from './world.ts';

test('a held lock is store_unavailable for all that wait, and nothing of it stays', async () => {
  const it = await startPrimary();
  await it.raw.exec('BEGIN IMMEDIATE');
  const results = await it.primary.records.writeEach([[conversation('x')], [conversation('y')]]);
  await it.raw.exec('ROLLBACK');
  expect(results).toMatchObject([{ code: 'store_unavailable' }, { code: 'store_unavailable' }]);
  expect(await it.primary.records.write([conversation('x')])).toMatchObject([{ version: 1 }]);
  await it.end();
});
