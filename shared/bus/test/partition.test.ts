import { describe, expect, test } from '@jest/globals';
import { partitionOf } from '../src/partition.ts';

describe('partitionOf', () => {
  // Made with an independent implementation; a change of the hash would send records other ways in existing logs.
  test.each([
    ['conversation', '', 650378655],
    ['conversation', 'c1', 3214449206],
    ['analysis', 'c1', 269777793],
    ['profile', 'é中😀', 1942842909],
    ['conversation', '0190163d-8694-739b-aea5-966c26f8ad91', 1031140222],
  ])('%s %j', (entity, id, hash) => {
    expect(partitionOf(entity, id, 2 ** 32)).toBe(hash);
    expect(partitionOf(entity, id, 4)).toBe(hash % 4);
    expect(partitionOf(entity, id, 1)).toBe(0);
  });

  test('an id without an encoding has a partition too', () => {
    expect(partitionOf('profile', '\ud800', 4)).toBe(partitionOf('profile', '\ufffd', 4));
  });

  test('spreads serial ids evenly', () => {
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < 10_000; i++) {
      const partition = partitionOf('conversation', `c-${i}`, 4);
      counts[partition] = (counts[partition] ?? 0) + 1;
    }
    for (const count of counts) expect(Math.abs(count - 2500)).toBeLessThan(250);
  });
});
