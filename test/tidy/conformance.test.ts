import { describe, expect, it } from '@jest/globals';
import { outcomeOf, tableOf } from '../support/conformance-reporter.mjs';

function run(suite: string, title: string, status = 'passed') {
  return outcomeOf({ ancestorTitles: [suite], title, status });
}

describe('the table of engines and cases', () => {
  const outcomes = [
    ...run('target: a', 'first'),
    ...run('target: a', 'second [skipped: volatile]'),
    ...run('target: b', 'first', 'failed'),
    ...run('target: b', 'second'),
    ...run('histories: b', 'no case'),
    ...run('target: b', 'third', 'pending'),
  ];

  it('has a column an engine, a row a case, and the reasons', () => {
    expect(tableOf(outcomes).split('\n')).toEqual([
      'a',
      '|    b',
      'ok   FAIL  first',
      '-    ok    second',
      'a: 1 ok, 0 failed, 1 skipped',
      'b: 1 ok, 1 failed, 0 skipped',
      '- a: second: volatile',
    ]);
  });

  it('is nothing where no suite ran', () => {
    expect(tableOf([])).toBe('');
  });
});
