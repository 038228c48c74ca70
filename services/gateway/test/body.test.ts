import { describe, expect, test } from '@jest/globals';
import type { Json } from '@mindora/contracts';
import fc from 'fast-check';
import { parseBody } from '../src/body.ts';

const bounds = { bodyDepthMax: 20, bodyValuesMax: 1000 };
const parse = (text: string) => parseBody(Buffer.from(text), bounds);

function codeOf(text: string): string | undefined {
  try {
    parse(text);
    return undefined;
  } catch (error) {
    return (error as { code: string }).code;
  }
}

describe('a body', () => {
  test('of any JSON that is well-formed and within bounds is parsed as it is', () => {
    const value = fc.jsonValue({ maxDepth: 5, stringUnit: 'grapheme' });
    const escaped = (text: string) =>
      text.replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
    fc.assert(
      fc.property(value, (json) => {
        const text = JSON.stringify(json);
        // Other tests look at names that poison, at integers beyond 2^53 and at NUL.
        fc.pre(!/"(__proto__|constructor)":|(?<![\d.])\d{16,}(?![\d.eE])|\\u0000/.test(text));
        const expected = JSON.parse(text) as Json;
        expect(parse(text)).toEqual(expected);
        expect(parse(escaped(text))).toEqual(expected);
      }),
    );
  });

  test('never fails otherwise than by an error of the table', () => {
    const pieces = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      '"',
      '\\',
      ',',
      ':',
      '1',
      '12345678901234567',
      '\\u',
      'd800',
      'e',
    );
    fc.assert(
      fc.property(fc.array(pieces), (parts) => {
        expect([undefined, 'invalid_request', 'unsafe_number']).toContain(codeOf(parts.join('')));
      }),
    );
  });

  test.each(['9007199254740993', '[-9007199254740993]', '{"a":12345678901234567890}', '["1",9007199254740992]'])(
    'with the number of %s is refused',
    (text) => expect(codeOf(text)).toBe('unsafe_number'),
  );

  test.each(['9007199254740991', '0.30000000000000004', '1.2345678901234567e-5', '"9007199254740993"'])(
    'with the number of %s is taken',
    (text) => expect(codeOf(text)).toBeUndefined(),
  );

  test('is measured outside of its strings only', () => {
    expect(codeOf(`"${'['.repeat(100)}"`)).toBeUndefined();
    expect(codeOf(`"\\"${'['.repeat(100)}"`)).toBeUndefined();
    expect(codeOf(`"\\\\"`)).toBeUndefined();
    expect(codeOf('['.repeat(21) + ']'.repeat(21))).toBe('invalid_request');
    expect(codeOf('['.repeat(20) + ']'.repeat(20))).toBeUndefined();
    expect(codeOf(`[${'0,'.repeat(1000)}0]`)).toBe('invalid_request');
    expect(codeOf(`["${',[{'.repeat(1000)}"]`)).toBeUndefined();
  });

  test.each(['"a\\u0000"', '{"\\u0000":1}', '[["\\ud800"]]'])('with the text of %s is refused', (text) => {
    expect(codeOf(text)).toBe('invalid_request');
  });

  test('with a NUL that is spelled out is taken', () => {
    expect(parse(String.raw`"\\u0000"`)).toBe(String.raw`\u0000`);
  });

  test('of no bytes is none', () => expect(parse('')).toBeUndefined());
});
