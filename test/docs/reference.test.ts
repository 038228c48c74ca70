/** The reference pages say what the code says. */
import { describe, expect, it } from '@jest/globals';
import { configurationDefaults, configurationNames } from '@mindora/cli/config';
import { errorCodes, errorTable, problemType } from '@mindora/contracts';
import { ProblemError } from '@mindora/sdk';
import { httpPage, httpPagePath } from './http-page.ts';
import { anchorsOf, readPage, rowsOf } from './markdown.ts';

it('docs/http.md is what the routes make; if not: npm run docs', () => {
  expect(readPage(httpPagePath).text).toBe(httpPage());
});

describe('docs/errors.md', () => {
  const page = readPage('docs/errors.md');
  const rows = rowsOf(page).map(([code = '', status, title, again, advice]) => {
    return { code: /`(\w+)`/.exec(code)?.[1] ?? '', status: Number(status), title, retryable: again === 'yes', advice };
  });

  it('has the codes of the table, in its order, with status, title and retryable', () => {
    const expected = errorCodes.map((code) => {
      const { status, title, retryable } = errorTable[code];
      return { code, status, title, retryable, advice: expect.stringMatching(/\w{3}/) };
    });
    expect(rows).toEqual(expected);
  });

  it('agrees with the SDK', () => {
    const told = rows.map(({ code, status, retryable }) => ({ code, status, retryable }));
    const ofSdk = errorCodes.map((code) => new ProblemError(code, 'detail'));
    expect(ofSdk.map(({ code, status, retryable }) => ({ code, status, retryable }))).toEqual(told);
  });

  it('has the anchor that the type of a problem ends in', () => {
    const endings = errorCodes.map((code) => problemType(code).split('/').at(-1) ?? '');
    expect([...anchorsOf(page)]).toEqual(expect.arrayContaining(endings));
  });
});

describe('docs/configuration.md', () => {
  const page = readPage('docs/configuration.md');
  const rows = rowsOf(page).filter(([name]) => name?.includes('MINDORA_') === true);
  const names = rows.flatMap(([name = '']) => [...name.matchAll(/MINDORA_\w+/g)].map(([found]) => found));

  it('has every variable of the schema, and no other', () => {
    expect(names.sort()).toEqual([...configurationNames].sort());
  });

  it('tells the defaults of the schema', () => {
    const told = rows.map(([name = '', standard = '']) => [name.replaceAll('`', ''), standard] as const);
    for (const [name, value] of Object.entries(configurationDefaults())) {
      expect(told).toContainEqual([name, expect.stringContaining(String(value))]);
    }
  });
});
