import { expect } from '@jest/globals';
import { encodeVector, type FieldType, type Json, type Row } from '@mindora/contracts';
import type { TargetCase, TargetContext } from '../target/context.ts';
import type { TargetFacts } from '../target/driver.ts';
import { fieldOfType } from '../target/sample.ts';
import { everyPlane, holdsNul, oddStrings, withoutNul } from './strings.ts';

/** Skips a case for roles that hold no field of a type. */
function needs(...types: readonly FieldType[]): (facts: TargetFacts) => string | null {
  return ({ role }) => (types.some((type) => fieldOfType(role, type) !== null) ? null : `holds no ${types.join(', ')}`);
}

/** Writes each value into a field of a type and reads it back. */
async function roundTrip(c: TargetContext, type: FieldType, values: readonly Json[]): Promise<void> {
  const place = fieldOfType(c.role, type);
  if (place === null) return;
  const item = (value: Json, i: number) => c.item(`v${i}`, 1, { [place.field]: value }, place.entity);
  const isRefused = (value: Json) => c.facts.refusesNul === true && holdsNul(value);
  for (const value of values.filter(isRefused)) {
    expect((await c.apply(item(value, 0))).map(({ outcome }) => outcome)).toEqual(['refused']);
  }
  const items = values.map((value) => (isRefused(value) ? withoutNul(value) : value)).map(item);
  await c.put(...items);
  for (const one of items) await c.expectHeld(one);
}

/** Writes a string where it is allowed to be refused; it must not be altered. */
async function keptOrRefused(c: TargetContext, id: string, overrides: Row): Promise<void> {
  const item = c.item(id, 1, overrides);
  const [result] = await c.apply(item);
  if (result?.outcome === 'applied') await c.expectHeld(item);
  else expect(result?.outcome).toBe('refused');
  if (result?.outcome === 'refused') expect(await c.get(id)).toBeNull();
}

function nested(depth: number): Json {
  let value: Json = 'deepest';
  for (let i = 0; i < depth; i++) value = i % 2 === 0 ? { inner: value } : [value];
  return value;
}

/** Values come back as they went (canonical.ts). */
export const valueCases: readonly TargetCase[] = [
  {
    name: 'texts of every plane of Unicode',
    run: (c) => roundTrip(c, 'text', everyPlane()),
  },
  {
    name: 'odd texts: combining, right to left, zero width, controls, NUL, private use',
    run: (c) => roundTrip(c, 'text', oddStrings),
  },
  {
    name: 'odd exact strings',
    run: (c) => roundTrip(c, 'keyword', oddStrings),
  },
  {
    name: 'odd strings as values and keys inside JSON',
    skip: needs('json'),
    run: (c) => roundTrip(c, 'json', [[...oddStrings], ...oddStrings.map((text) => ({ [`k${text}`]: text }))]),
  },
  {
    name: 'a lone surrogate is kept or refused, never altered',
    async run(c) {
      const text = fieldOfType(c.role, 'text');
      for (const [i, bad] of ['\ud800', 'a\udc00b', '\udc00\ud800'].entries()) {
        await keptOrRefused(c, `s${i}`, text?.entity === c.entity ? { [text.field]: bad } : {});
        await keptOrRefused(c, `id${bad}`, {});
      }
    },
  },
  {
    name: 'odd ids are kept or refused, and found again',
    async run(c) {
      for (const id of oddStrings.filter((text) => text !== '' && text.length <= 200)) await keptOrRefused(c, id, {});
      for (const id of await c.scannedIds(3)) expect(await c.get(id)).toMatchObject({ id, version: 1 });
    },
  },
  {
    name: 'ids of 200 characters',
    async run(c) {
      const ids = ['x'.repeat(200), `${'中'.repeat(199)}a`, `${'中'.repeat(199)}b`, '😀'.repeat(100)];
      for (const id of ids) {
        await c.put(c.item(id));
        await c.expectHeld(c.item(id));
      }
      expect((await c.scannedIds()).length).toBe(ids.length);
    },
  },
  {
    name: 'a text of a megabyte, and of none',
    run: (c) => roundTrip(c, 'text', ['数据 and data '.repeat(64 * 1024), '', ' ', '\n']),
  },
  {
    name: 'every field may be null but the key',
    async run(c) {
      const whole = c.item('a');
      const { [keyOf(whole.document, 'a')]: _key, ...fields } = whole.document;
      const nulls = Object.fromEntries(Object.keys(fields).map((field) => [field, null]));
      const item = { ...c.item('a', 1, nulls), owner: whole.owner };
      const [result] = await c.apply(item);
      // An engine that needs an owner or a vector says so; none invents one.
      if (result?.outcome === 'applied') await c.expectHeld(item);
      else expect(result?.outcome).toBe('refused');
    },
  },
  {
    name: 'decimals keep their digits',
    skip: needs('decimal'),
    async run(c) {
      const fixed = ['0.00', '12.50', '-0.10', '9999999999999.99', '90071992547409.93', '1.10'];
      const free = ['0.000001', '9007199254740993', '1.1'];
      await roundTrip(c, 'decimal', c.facts.fixedDecimals === true ? fixed : [...fixed, ...free]);
      const place = fieldOfType(c.role, 'decimal');
      if (c.facts.fixedDecimals !== true || place === null) return;
      for (const value of free) {
        const results = await c.apply(c.item('free', 1, { [place.field]: value }, place.entity));
        expect(results.map(({ outcome }) => outcome)).toEqual(['refused']);
      }
    },
  },
  {
    name: 'integers beyond 2^53 are exact as strings in JSON',
    skip: needs('json'),
    run: (c) => roundTrip(c, 'json', [{ n: '9007199254740993', m: '-9223372036854775808' }, '9007199254740993']),
  },
  {
    name: 'floats to the last bit, -0 as 0',
    skip: needs('float'),
    run: (c) => roundTrip(c, 'float', [0.1, 1e308, 5e-324, -0, 0, -1.5, 1 / 3, Number.MAX_VALUE, 0.1 + 0.2, 3]),
  },
  {
    name: 'integers',
    skip: needs('integer'),
    run: (c) => roundTrip(c, 'integer', [0, -1, 2 ** 31, -(2 ** 31), 2 ** 53 - 1, -(2 ** 53 - 1)]),
  },
  {
    name: 'booleans stay booleans',
    skip: needs('boolean'),
    run: (c) => roundTrip(c, 'boolean', [true, false, null]),
  },
  {
    name: 'times with microseconds',
    run: (c) =>
      roundTrip(c, 'time', [
        '2026-11-22T06:00:00.000001Z',
        '1999-12-31T23:59:59.999999Z',
        '2024-02-29T12:00:00.100000Z',
        '1970-01-01T00:00:00.000000Z',
      ]),
  },
  {
    name: 'lists of strings: empty, repeated, odd',
    skip: needs('keywords'),
    run: (c) => roundTrip(c, 'keywords', [[], ['b', 'a', 'c'], ['中', '😀', 'a b', '"', ',', '\\']]),
  },
  {
    name: 'inside JSON null and missing differ, and scalars stay what they are',
    skip: needs('json'),
    run: (c) =>
      roundTrip(c, 'json', [{ a: null }, {}, [], [null], [[]], '', 'text', '{"not":"parsed"}', 0, true, false, null]),
  },
  {
    name: 'numbers inside JSON to the last bit',
    skip: needs('json'),
    run: (c) => roundTrip(c, 'json', [[0.1, 1e308, 5e-324, 1e21, 1e-7, 2 ** 53 - 1, -0, 100, 1 / 3]]),
  },
  {
    name: 'JSON nested 50 deep',
    skip: needs('json'),
    run: (c) => roundTrip(c, 'json', [nested(50)]),
  },
  {
    name: 'keys with dots, dollars, and names of the language',
    skip: needs('json'),
    run: (c) =>
      roundTrip(c, 'json', [
        JSON.parse('{"__proto__":{"polluted":true},"constructor":1,"toString":null,"prototype":[]}') as Json,
        { 'a.b': 1, a: { b: 2 }, $where: 'x', $: 0, '': 'empty', ' ': 'space', _id: 'own', 'k[0]': [1] },
        JSON.parse('{"outer":{"__proto__":null,"hasOwnProperty":false}}') as Json,
      ]),
  },
  {
    name: 'names of the language as ids',
    async run(c) {
      const ids = [
        '__proto__',
        'constructor',
        'hasOwnProperty',
        'toString',
        'null',
        'undefined',
        '$where',
        'a.b',
        "';--",
      ];
      await c.put(...ids.map((id) => c.item(id)));
      for (const id of ids) await c.expectHeld(c.item(id));
      expect((await c.scannedIds()).length).toBe(ids.length);
    },
  },
  {
    name: 'vectors to the bit',
    skip: needs('vector'),
    run: (c) =>
      roundTrip(c, 'vector', [
        encodeVector([1, 0, 0, 0, 0, 0, 0, 0]),
        encodeVector([0.1, -0.1, 1e-45, -1e-45, 3.4e38, -3.4e38, 1 / 3, 1e-30]),
        encodeVector([-0, 0, -0, 1, 2, 3, 4, 5]),
      ]),
  },
  {
    name: 'documents that differ in one letter stay apart',
    async run(c) {
      const { field, entity } = fieldOfType(c.role, 'text') ?? { field: '', entity: c.entity };
      const texts = ['é', 'e\u0301', 'É', 'e', 'ﬁ', 'fi', 'ß', 'ss', 'ｅ', 'e ', ' e'];
      const items = texts.map((text, i) => c.item(`t${i}`, 1, { [field]: text }, entity));
      await c.put(...items);
      for (const item of items) await c.expectHeld(item);
    },
  },
];

function keyOf(document: Row, id: string): string {
  return Object.keys(document).find((field) => document[field] === id) ?? '';
}
