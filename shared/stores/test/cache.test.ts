import { expect, test } from '@jest/globals';
import { MemoryCache } from '../src/cache/index.ts';
import { testCache } from './support/cache-suite.ts';
import { batch, item, standingClock, storedConversation } from './support/samples.ts';

testCache('memory', standingClock, async (clock) => new MemoryCache({ clock }));

test('beyond the bound the longest unused lose their content and keep their version', async () => {
  const cache = new MemoryCache({ clock: standingClock(), recordBytesMax: 2_000 });
  const items = ['a', 'b', 'c', 'd'].map((id) => item('conversation', id, 7, storedConversation(id, 'u1', 1)));
  await cache.apply(batch(...items.slice(0, 2)));
  await cache.record('conversation', 'a');
  await cache.apply(batch(...items.slice(2)));
  const { records } = await cache.scan('conversation', null, 10);
  const evicted = records.filter((record) => record.evicted === true);
  expect(evicted.map(({ id }) => id)).toContain('b');
  expect(evicted[0]).toEqual({
    entity: 'conversation',
    id: evicted[0]?.id,
    version: 7,
    deleted: false,
    document: null,
    expiresAt: null,
    evicted: true,
  });
  const older = item('conversation', 'b', 6, storedConversation('b', 'u1', 1));
  expect(await cache.apply(batch(older))).toEqual([{ outcome: 'stale', version: 7 }]);
  await cache.apply(batch(item('conversation', 'b', 7, storedConversation('b', 'u1', 1))));
  expect(await cache.record('conversation', 'b')).not.toBeNull();
  await cache.close();
});
