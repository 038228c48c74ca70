/** The OpenAPI 3.1 description, made from the routes and the table of errors. Pure. */
import { type ErrorCode, errorCodes, errorTable, type RouteDefinition } from '@mindora/contracts';
import { positionHeader, routes } from '@mindora/contracts/routes';
import type { z } from 'zod';
import { waitHeader, waitMsDefault, waitMsMax } from './after.ts';
import { exampleBody } from './examples.ts';
import { problemMediaType } from './problems.ts';
import { type JsonSchema, jsonSchema, schemaOf } from './schemas.ts';

const tags: Readonly<Record<string, string>> = {
  conversations: 'Exchanges with a model, stored once and carried to every store',
  analyses: 'Analyses of texts, with their results',
  search: 'Semantic search, full text, and filters over documents',
  graph: 'How users, sessions, conversations, models and skills hang together',
  identity: 'Users, profiles, keys and logins',
  model: 'Questions to a language model; what it answers is stored',
  config: 'Configuration values',
  admin: 'Records that administrators keep',
  'admin-identity': 'The same, of the AI identity network',
  'admin-governance': 'The same, of governance: proposals, votes, points, community',
  'admin-credit': 'The same, of companies: ratings, risk, compliance',
  sync: 'The state of the stores: verify, rebuild, erase, parked records',
  operations: 'For whoever runs the gateway',
};

/** The description of the API of a version. */
export function openApiDocument(version: string): JsonSchema {
  return {
    openapi: '3.1.0',
    info: {
      title: `Mindora (${version})`,
      version: '1',
      description:
        'One write API; every store agrees. A write answers with a position: send it as X-Mindora-After, and a read ' +
        'on any store sees that write. Errors are problem documents (RFC 9457) with a code of one table.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    tags: Object.entries(tags).map(([name, description]) => ({ name, description })),
    security: [{ key: [] }, { keyHeader: [] }],
    paths: paths(),
    components: components(),
  };
}

function paths(): JsonSchema {
  const all: Record<string, JsonSchema> = { ...operations };
  for (const route of routes) {
    all[route.path] = { ...all[route.path], [route.method.toLowerCase()]: operation(route) };
  }
  return all;
}

function operation(route: RouteDefinition): JsonSchema {
  return {
    operationId: route.action,
    tags: [route.tag],
    summary: route.summary,
    ...about(route),
    'x-requirement': route.requirement,
    ...(route.access === 'public' ? { security: [] } : {}),
    parameters: [...fields('path', route.params), ...fields('query', route.query), ...headers(route)],
    ...requestBody(route),
    responses: { [route.status]: success(route), ...problems(route) },
  };
}

function about({ permission, owner }: RouteDefinition): JsonSchema {
  const texts: string[] = [];
  if (permission !== undefined) texts.push(`Needs the permission \`${permission}\`.`);
  if (owner !== undefined) texts.push(`Who isn't an administrator may name only itself in \`${owner.field}\`.`);
  return texts.length === 0 ? {} : { description: texts.join(' ') };
}

function fields(place: 'path' | 'query', schema: RouteDefinition['params']): JsonSchema[] {
  if (schema === undefined) return [];
  const { properties, required = [] } = schemaOf(schema, 'input') as {
    properties: Record<string, JsonSchema>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, { description, ...own }]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    ...(description === undefined ? {} : { description }),
    schema: own,
  }));
}

function headers(route: RouteDefinition): JsonSchema[] {
  const ours = route.reads === undefined ? ['RequestId'] : ['RequestId', 'After', 'Wait'];
  return ours.map((name) => ({ $ref: `#/components/parameters/${name}` }));
}

function requestBody(route: RouteDefinition): JsonSchema {
  if (route.body === undefined) return {};
  const example = exampleBody(route);
  const content = { schema: bodySchema(route, route.body), ...(example === undefined ? {} : { example }) };
  return { requestBody: { required: true, content: { 'application/json': content } } };
}

/** Items of a batch are each held to the schema of a single one, so that one that is wrong doesn't refuse the rest. */
function bodySchema(route: RouteDefinition, body: z.ZodType): JsonSchema {
  const schema = schemaOf(body, 'input');
  const list = route.owner?.items;
  const single = routes.find(({ action }) => `${action}Batch` === route.action)?.body;
  if (list === undefined || single === undefined) return schema;
  const properties = schema.properties as Record<string, JsonSchema>;
  return {
    ...schema,
    properties: { ...properties, [list]: { ...properties[list], items: schemaOf(single, 'input') } },
  };
}

function success(route: RouteDefinition): JsonSchema {
  return {
    description: 'Done',
    headers: { 'X-Request-Id': { $ref: '#/components/headers/RequestId' } },
    content: { 'application/json': { schema: schemaOf(route.response, 'output') } },
  };
}

/** The codes that a route can answer with: its own, and what the gateway itself may say on the way. */
export function codesOf(route: RouteDefinition): ErrorCode[] {
  const codes = new Set<ErrorCode>(route.errors);
  const add = (when: boolean, ...more: ErrorCode[]): void => {
    if (when) for (const code of more) codes.add(code);
  };
  add(true, 'invalid_request', 'too_many_requests', 'overloaded', 'shutting_down', 'store_unavailable', 'internal');
  add(route.access === 'authenticated', 'unauthenticated', 'forbidden', 'too_many_users');
  add(route.body !== undefined, 'unsafe_number', 'body_too_large', 'unsupported_media_type');
  add(route.writes, 'maintenance');
  add(route.asksModel === true, 'ai_disabled');
  add(route.reads !== undefined, 'invalid_position', 'parked', 'position_timeout');
  return errorCodes.filter((code) => codes.has(code));
}

function problems(route: RouteDefinition): JsonSchema {
  const byStatus = Object.groupBy(codesOf(route), (code) => String(errorTable[code].status));
  return Object.fromEntries(
    Object.entries(byStatus).map(([status, codes = []]) => [status, problem(Number(status), codes)]),
  );
}

function problem(status: number, codes: readonly ErrorCode[]): JsonSchema {
  const later = status === 429 || status === 503;
  return {
    description: codes.map((code) => `\`${code}\`: ${errorTable[code].title}`).join('\n\n'),
    ...(later ? { headers: { 'Retry-After': { $ref: '#/components/headers/RetryAfter' } } } : {}),
    content: { [problemMediaType]: { schema: { $ref: '#/components/schemas/Problem' } } },
  };
}

const problemSchema: JsonSchema = {
  type: 'object',
  description: 'What went wrong (RFC 9457)',
  required: ['type', 'title', 'status', 'detail', 'code', 'retryable'],
  properties: {
    type: { type: 'string', format: 'uri' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    code: { type: 'string', enum: errorCodes },
    retryable: { type: 'boolean', description: 'The same request may succeed later, unchanged' },
    instance: { type: 'string', description: 'The request: urn:request:ID' },
    fields: { type: 'array', items: { type: 'string' }, description: 'Names of the fields that it is about' },
    errors: {
      type: 'array',
      description: 'Of `invalid_request`: the fields that are wrong',
      items: {
        type: 'object',
        required: ['path', 'message'],
        properties: { path: { type: 'string' }, message: { type: 'string' } },
      },
    },
  },
};

function components(): JsonSchema {
  return {
    schemas: { Problem: problemSchema, Json: jsonSchema },
    securitySchemes: {
      key: { type: 'http', scheme: 'bearer', description: 'An API key (mk_...) or a token of /api/v1/auth/login' },
      keyHeader: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
    },
    parameters: {
      RequestId: header('X-Request-Id', 'Comes back on the answer and stands in the log', { type: 'string' }),
      After: header(positionHeader, 'The `position` of a write that this read has to see', { type: 'string' }),
      Wait: header(waitHeader, 'How long to wait for it', {
        type: 'integer',
        minimum: 0,
        maximum: waitMsMax,
        default: waitMsDefault,
      }),
    },
    headers: {
      RequestId: { description: 'The id of this request', schema: { type: 'string' } },
      RetryAfter: { description: 'Seconds after which to try again', schema: { type: 'integer' } },
    },
  };
}

function header(name: string, description: string, schema: JsonSchema): JsonSchema {
  return { name: name.replace(/\b[a-z]/g, (letter) => letter.toUpperCase()), in: 'header', description, schema };
}

function operate(operationId: string, summary: string, type: string, more: JsonSchema = {}): JsonSchema {
  const responses: JsonSchema = { 200: { description: 'Done', content: { [type]: { schema: {} } } } };
  if (operationId === 'ready') responses[503] = problem(503, ['store_unavailable', 'shutting_down']);
  if (operationId === 'metrics') responses[401] = problem(401, ['unauthenticated']);
  return { get: { operationId, tags: ['operations'], summary, ...more, responses } };
}

const open = { security: [] };
const json = 'application/json';
const operations: Readonly<Record<string, JsonSchema>> = {
  '/health': operate('health', 'The process is alive', json, open),
  '/ready': operate('ready', 'Primary, bus and stores are all healthy', json, open),
  '/metrics': operate('metrics', "Measurements in Prometheus' text format", 'text/plain'),
  '/openapi.json': operate('openapi', 'This description', json, open),
  '/asyncapi.json': operate('asyncapi', 'The description of the events on the bus', json, open),
};
