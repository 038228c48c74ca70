/** JSON Schema of the contracts' zod schemas, for the descriptions. Pure. */
import { z } from 'zod';

export type JsonSchema = { [key: string]: unknown };

/** Where a description keeps what its schemas share. */
const jsonName = '#/components/schemas/Json';

/** A value of any JSON shape: the only schema that refers to itself. */
export const jsonSchema: JsonSchema = {
  description: 'Any JSON value',
  anyOf: [
    { type: ['string', 'number', 'boolean', 'null'] },
    { type: 'array', items: { $ref: jsonName } },
    { type: 'object', additionalProperties: { $ref: jsonName } },
  ],
};

/** The JSON Schema (2020-12) of what a client sends (`input`) or gets (`output`). */
export function schemaOf(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
  const { $schema: _dialect, $defs, ...own } = z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as JsonSchema;
  const shared = new Set(Object.keys(($defs as JsonSchema | undefined) ?? {}));
  return withoutLocalRefs(own, shared) as JsonSchema;
}

/** References inside one schema would point nowhere inside a larger document. */
function withoutLocalRefs(value: unknown, shared: ReadonlySet<string>): unknown {
  if (Array.isArray(value)) return value.map((item) => withoutLocalRefs(item, shared));
  if (typeof value !== 'object' || value === null) return value;
  const { $ref } = value as { $ref?: unknown };
  if (typeof $ref === 'string' && shared.has($ref.replace('#/$defs/', ''))) return { ...value, $ref: jsonName };
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, withoutLocalRefs(member, shared)]));
}
