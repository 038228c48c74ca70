import { describe, expect, test } from '@jest/globals';
import type { Json, Row } from '@mindora/contracts';
import { parseFilter } from '../src/documents/filter.ts';
import type { DocumentFilter } from '../src/documents/port.ts';

/** MongoDB's own answers: its manual, and its tests of null, arrays and comparison. */
const matching: readonly (readonly [DocumentFilter, Row])[] = [
  [{}, { a: 1 }],
  [{ a: 1 }, { a: 1 }],
  [{ a: 1 }, { a: [2, 1] }],
  [{ a: [1, 2] }, { a: [1, 2] }],
  [{ a: [1, 2] }, { a: [[1, 2], 3] }],
  [{ a: null }, { b: 1 }],
  [{ a: null }, { a: null }],
  [{ a: null }, { a: [null, 1] }],
  [{ 'a.b': null }, { a: 4 }],
  [{ 'a.b': null }, { a: [{ b: 3 }, {}] }],
  [{ 'a.b': 1 }, { a: { b: 1 } }],
  [{ 'a.b': 1 }, { a: [{ b: 2 }, { b: 1 }] }],
  [{ 'a.1': 'y' }, { a: ['x', 'y'] }],
  [{ 'a.1.b': 1 }, { a: [{ b: 0 }, { b: 1 }] }],
  [{ a: { b: 1, c: 2 } }, { a: { c: 2, b: 1 } }],
  [{ a: { $gt: 1 } }, { a: 2 }],
  [{ a: { $gt: 1 } }, { a: [0, 2] }],
  // Each condition may be met by another element.
  [{ a: { $gt: 5, $lt: 2 } }, { a: [1, 6] }],
  [{ a: { $gte: 'b' } }, { a: 'b' }],
  [{ a: { $gt: '\uffff' } }, { a: '😀' }],
  [{ a: { $gt: false } }, { a: true }],
  [{ a: { $gte: null } }, {}],
  [{ a: { $ne: 1 } }, {}],
  [{ a: { $ne: 1 } }, { a: [2, 3] }],
  [{ a: { $in: [1, null] } }, {}],
  [{ a: { $in: ['x', [1]] } }, { a: [[1]] }],
  [{ a: { $nin: [1] } }, { a: 2 }],
  [{ a: { $nin: [] } }, { a: 2 }],
  [{ a: { $exists: true } }, { a: null }],
  [{ a: { $exists: false } }, {}],
  [{ 'a.b': { $exists: false } }, { a: [1] }],
  [{ $or: [{ a: 1 }, { b: 1 }] }, { b: 1 }],
  [{ $nor: [{ a: 1 }, { b: 1 }] }, { c: 1 }],
  [{ $and: [{ a: 1 }, { b: 1 }] }, { a: 1, b: 1 }],
  [{ a: { $not: { $gt: 1 } } }, { a: 'text' }],
  [{ a: { $not: { $gt: 1 } } }, {}],
  [{ a: { $regex: '^数.+库$' } }, { a: '数据库' }],
  [{ a: { $regex: 'ABC', $options: 'i' } }, { a: ['x', 'xabcx'] }],
  [{ a: { $not: { $regex: 'b' } } }, { a: 'c' }],
  [JSON.parse('{"__proto__": 1}') as DocumentFilter, JSON.parse('{"__proto__": 1}') as Row],
];

const missing: readonly (readonly [DocumentFilter, Row])[] = [
  [{ a: 1 }, { a: '1' }],
  [{ a: 1 }, { a: true }],
  [{ a: '' }, {}],
  [{ a: null }, { a: 0 }],
  [{ a: [1, 2] }, { a: [2, 1] }],
  [{ 'a.b': null }, { a: [1, 2] }],
  [{ 'a.b': null }, { a: [] }],
  [{ a: { b: 1 } }, { a: { b: 1, c: 2 } }],
  [{ a: { $gt: 1 } }, { a: '2' }],
  [{ a: { $lt: 'z' } }, { a: 1 }],
  [{ a: { $lt: 1 } }, { a: null }],
  [{ a: { $gt: null } }, { a: null }],
  [{ a: { $ne: 1 } }, { a: [1, 2] }],
  [{ a: { $ne: null } }, {}],
  [{ a: { $in: [] } }, { a: 1 }],
  [{ a: { $nin: [null] } }, {}],
  [{ a: { $exists: true } }, {}],
  [{ $nor: [{ a: 1 }] }, { a: 1 }],
  [{ a: { $not: { $gt: 1 } } }, { a: 2 }],
  [{ a: { $regex: '1' } }, { a: 1 }],
  [{ a: { $regex: 'ABC' } }, { a: 'abc' }],
  [{ toString: { $exists: true } }, {}],
];

const nested = (depth: number): Json => (depth === 1 ? { a: 1 } : { $and: [nested(depth - 1)] });

const invalid: readonly DocumentFilter[] = [
  { $where: '1' },
  { a: { $size: 1 } },
  { a: { $gt: {} } },
  { a: { $gt: [1] } },
  { a: { $gt: 1, b: 1 } },
  { a: { $eq: { $gt: 1 } } },
  { a: { $in: 1 } },
  { a: { $exists: 1 } },
  { a: { $not: 1 } },
  { a: { $options: 'i' } },
  { a: { $regex: 'a', $options: 'x' } },
  { a: { $regex: '(' } },
  { a: { $regex: '(?=a)' } },
  { a: { $regex: '(a)\\1' } },
  { a: { $regex: 'a{1000}{1000}' } },
  { a: { $regex: 'a'.repeat(513) } },
  { $or: [] },
  { $or: {} },
  { $or: [1] },
  { '': 1 },
  { 'a..b': 1 },
  { 'a.$b': 1 },
  { a: '\ud800' },
  { a: { b: '\ud800' } },
  { $and: [nested(8)] },
  { $or: Array.from({ length: 33 }, (_, i) => ({ a: i })) },
  { a: { $in: Array.from({ length: 1001 }, (_, i) => i) } },
];

describe('filters mean what they mean in MongoDB (A1.8)', () => {
  test.each(matching)('%j matches %j', (filter, document) => {
    expect(parseFilter(filter).matches(document)).toBe(true);
  });

  test.each(missing)("%j doesn't match %j", (filter, document) => {
    expect(parseFilter(filter).matches(document)).toBe(false);
  });

  test.each(invalid)('%j is refused', (filter) => {
    let thrown: unknown;
    try {
      parseFilter(filter);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code: 'invalid_filter' });
  });

  test('up to eight levels and 64 conditions are taken', () => {
    expect(parseFilter(nested(8) as DocumentFilter).matches({ a: 1 })).toBe(true);
    const wide = { $or: Array.from({ length: 32 }, (_, i) => ({ a: i })) };
    expect(parseFilter(wide).matches({ a: 31 })).toBe(true);
  });

  test('a pattern that makes backtracking engines explode takes no time', () => {
    const { matches } = parseFilter({ a: { $regex: '^(a+)+$' } });
    const start = performance.now();
    expect(matches({ a: `${'a'.repeat(50_000)}b` })).toBe(false);
    expect(performance.now() - start).toBeLessThan(20_000);
  });

  test('only what every match fulfils is told to the engine', () => {
    const { necessities } = parseFilter({
      user_id: 'u',
      $and: [{ created_at: { $gte: 'x' } }],
      $or: [{ session_id: 's' }, { session_id: 't' }],
      model_name: { $not: { $eq: 'm' } },
    });
    expect(necessities).toEqual([
      { field: 'user_id', operator: '=', value: 'u' },
      { field: 'created_at', operator: '>=', value: 'x' },
    ]);
  });
});
