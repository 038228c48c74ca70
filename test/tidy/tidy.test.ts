import { describe, expect, it } from '@jest/globals';
import { parseSource, readSources } from './source.ts';
import { FILE_LINES_MAX, FUNCTION_LINES_MAX, findUntidy } from './tidy.ts';

function untidy(text: string, path = 'sync/test/x.test.ts'): string[] {
  return findUntidy([parseSource(path, text)]);
}

function lines(count: number): string {
  return 'a();\n'.repeat(count);
}

describe('the repository', () => {
  it('is tidy', () => {
    expect(findUntidy(readSources())).toEqual([]);
  });
});

describe('the checker', () => {
  it('sees a long file', () => {
    expect(untidy(lines(FILE_LINES_MAX))).toEqual([]);
    expect(untidy(lines(FILE_LINES_MAX + 1))).toEqual([expect.stringContaining(`${FILE_LINES_MAX + 1} lines`)]);
  });

  it.each([
    ['function f() {', '}'],
    ['const f = () => {', '};'],
    ['class A { f() {', '} }'],
    ['class A { constructor() {', '} }'],
    ["it('does', () => {", '});'],
  ])('sees a long function: %s', (open, close) => {
    expect(untidy(`${open}\n${lines(FUNCTION_LINES_MAX - 2)}${close}`)).toEqual([]);
    expect(untidy(`// é\n${open}\n${lines(FUNCTION_LINES_MAX - 1)}${close}`)).toEqual([
      `sync/test/x.test.ts:2: a function of ${FUNCTION_LINES_MAX + 1} lines (at most ${FUNCTION_LINES_MAX})`,
    ]);
  });

  it('lets the body of a suite be long', () => {
    expect(untidy(`describe('it', () => {\n${lines(FUNCTION_LINES_MAX)}});`)).toEqual([]);
    expect(untidy(`describe.each([1])('it', () => {\n${lines(FUNCTION_LINES_MAX)}});`)).toEqual([]);
  });

  it.each(['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX'])('sees %s', (word) => {
    expect(untidy(`a();\n// ${word}: later`, 'sync/src/x.ts')).toEqual([`sync/src/x.ts:2: ${word} left over`]);
  });

  it.each([
    "it.only('x', f);",
    "describe.skip('x', f);",
    "test.only.each([1])('x', f);",
    "xit('x', f);",
    "fit('x', f);",
  ])('sees %s', (text) => {
    expect(untidy(text)).toEqual([expect.stringContaining('a test is run always')]);
  });

  it.each(['await sleep(100);', 'setTimeout(done, 50);', 'await new Promise((wake) => setTimeout(wake, 5));'])(
    'sees a fixed sleep in a test: %s',
    (text) => {
      expect(untidy(text)).toEqual([expect.stringContaining('wait for a signal')]);
      expect(untidy(text, 'sync/src/x.ts')).toEqual([]);
    },
  );
});
