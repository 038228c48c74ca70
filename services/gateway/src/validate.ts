import type { CallParams, RouteDefinition } from '@mindora/contracts';
import { MindoraError } from '@mindora/runtime';
import type { z } from 'zod';

/** What is wrong with one field. */
interface FieldError {
  readonly path: string;
  readonly message: string;
}

const errorsMax = 20;
const textMax = 200;

/** Holds the three parts of a request to the schemas of its route. @throws MindoraError `invalid_request` */
export function validate(route: RouteDefinition, sent: CallParams): CallParams {
  const errors: FieldError[] = [];
  const parsed = {
    params: part('params', route.params, sent.params, errors),
    query: part('query', route.query, sent.query, errors),
    body: part('body', route.body, sent.body, errors),
  };
  if (errors.length === 0) return parsed;
  const first = errors[0];
  const detail = first === undefined ? undefined : `${first.path}: ${first.message}`;
  throw new MindoraError('invalid_request', detail, { data: { errors: errors.slice(0, errorsMax) } });
}

function part(name: string, schema: z.ZodType | undefined, value: unknown, errors: FieldError[]): unknown {
  if (schema === undefined) {
    if (name === 'query' && isEmpty(value)) return {};
    if (name !== 'params' && !isEmpty(value)) errors.push({ path: name, message: 'this route takes none' });
    return name === 'body' ? undefined : {};
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  errors.push(...result.error.issues.map((issue) => fieldError(name, issue)));
  return undefined;
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || (typeof value === 'object' && Object.keys(value).length === 0);
}

/** Names of fields and the schema's own words, bounded; never the value. */
function fieldError(part: string, issue: z.core.$ZodIssue): FieldError {
  const path = [part, ...issue.path.map(String)].join('.');
  return { path: short(path), message: short(issue.message) };
}

function short(text: string): string {
  return text.length <= textMax ? text : `${text.slice(0, textMax)}…`.toWellFormed();
}
