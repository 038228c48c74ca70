/** What is wrong with a value, in words for whoever sent it: never the value itself. */
import { z } from 'zod';

type Issue = Parameters<z.core.$ZodErrorMap>[0];

const kinds: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
};

const formats: Readonly<Record<string, string>> = {
  date: 'must be a date, YYYY-MM-DD',
  datetime: 'must be a time in UTC, YYYY-MM-DDTHH:MM:SSZ',
};

const namesMax = 20;

/** Instead of zod's own words; undefined leaves them. */
export function wording(issue: Issue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? 'is required' : kindOf(issue.expected);
    case 'too_small':
      return Number(issue.minimum) === 1 && issue.origin !== 'number' && issue.origin !== 'int'
        ? 'must not be empty'
        : `must ${sizeOf(issue.origin, 'at least', issue.minimum)}`;
    case 'too_big':
      return `must ${sizeOf(issue.origin, 'at most', issue.maximum)}`;
    case 'invalid_value':
      return `must be ${issue.values.length === 1 ? '' : 'one of '}${issue.values.map(String).join(', ')}`;
    case 'unrecognized_keys':
      return unknownFields(issue.keys, issue.inst);
    case 'invalid_format':
      return formats[issue.format];
    default:
      return undefined;
  }
}

function kindOf(expected: string): string | undefined {
  const kind = kinds[expected];
  return kind === undefined ? undefined : `must be ${kind}`;
}

function sizeOf(origin: string, bound: 'at least' | 'at most', size: number | bigint): string {
  if (origin === 'string') return `have ${bound} ${size} characters`;
  return origin === 'array' ? `have ${bound} ${size} items` : `be ${bound} ${size}`;
}

function unknownFields(unknown: readonly string[], schema: unknown): string {
  const named = unknown.slice(0, namesMax).join(', ');
  const there = schema instanceof z.ZodObject ? Object.keys(schema.shape).slice(0, namesMax).join(', ') : '';
  return `has no field ${named}${there === '' ? '' : `; there are ${there}`}`;
}

z.config({ customError: wording });
