import asyncApiSpecs from '@asyncapi/specs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { entityNames, errorCodes } from '@mindora/contracts';
import { routes } from '@mindora/contracts/routes';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv } from 'ajv';
import formats from 'ajv-formats';
import { exampleBody } from '../src/examples.ts';
import { ask, startWorld, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.close());

const open = (path: string) => ask(world, 'GET', path, { key: null });

describe('/openapi.json', () => {
  test('is valid OpenAPI 3.1, every reference with its target', async () => {
    const { body } = await open('/openapi.json');
    const validator = new Validator();
    expect(await validator.validate(structuredClone(body))).toEqual({ valid: true });
    expect(validator.version).toBe('3.1');
    expect(() => validator.resolveRefs()).not.toThrow();
    const references = [...JSON.stringify(body).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path]) => path ?? '');
    expect(references.length).toBeGreaterThan(100);
    for (const reference of new Set(references)) {
      // biome-ignore lint/suspicious/noExplicitAny: walks any document
      const target = reference.split('/').reduce((at: any, name) => at?.[name], body);
      expect([reference, target]).not.toEqual([reference, undefined]);
    }
  });

  test('describes every route, once', async () => {
    const { body } = await open('/openapi.json');
    const described = Object.entries(body.paths as Record<string, Record<string, { operationId: string }>>).flatMap(
      ([path, methods]) => Object.entries(methods).map(([method, { operationId }]) => [operationId, method, path]),
    );
    const expected = routes.map(({ action, method, path }) => [action, method.toLowerCase(), path]);
    expect(described).toEqual(expect.arrayContaining(expected));
    expect(described).toHaveLength(expected.length + 5);
    expect(new Set(described.map(([id]) => id)).size).toBe(described.length);
  });

  test('lists the problems of the one table', async () => {
    const { body } = await open('/openapi.json');
    expect(body.components.schemas.Problem.properties.code.enum).toEqual(errorCodes);
    const create = body.paths['/api/v1/ai/conversation'].post;
    expect(Object.keys(create.responses)).toEqual(
      expect.arrayContaining(['201', '400', '401', '403', '409', '413', '415', '429', '500', '503']),
    );
    expect(create.responses['503'].description).toContain('`maintenance`');
    const parameters = body.paths['/api/v1/ai/history/{user_id}'].get.parameters;
    expect(JSON.stringify(parameters)).toContain('#/components/parameters/After');
    expect(parameters).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ name: 'user_id', in: 'path', required: true }),
        expect.objectContaining({ name: 'limit', in: 'query', required: false }),
      ]),
    );
  });

  test('tells what the items of a batch are', async () => {
    const { body } = await open('/openapi.json');
    const schemaAt = (path: string) => body.paths[path].post.requestBody.content['application/json'].schema;
    const { items } = schemaAt('/api/v1/ai/conversations/batch').properties;
    expect(items).toMatchObject({ type: 'array', items: schemaAt('/api/v1/ai/conversation'), maxItems: 500 });
  });

  test.each(routes.filter(({ body }) => body !== undefined))('has an example for $action that is valid', (route) => {
    const example = exampleBody(route);
    expect(example).toBeDefined();
    expect(route.body?.safeParse(example)).toMatchObject({ success: true });
  });
});

test('/asyncapi.json is valid AsyncAPI 3.0', async () => {
  const { body } = await open('/asyncapi.json');
  const ajv = new Ajv({ strict: false, allErrors: true });
  formats.default(ajv);
  const validate = ajv.compile(asyncApiSpecs.schemasWithoutId['3.0.0'] as object);
  expect([validate(body), validate.errors]).toEqual([true, null]);
  expect(body.components.schemas.Change.properties.entity.enum).toEqual([...entityNames]);
});

describe('/docs', () => {
  test('is a page that loads nothing from elsewhere', async () => {
    for (const path of ['/docs', '/docs/']) {
      const page = await open(path);
      expect(page.status).toBe(200);
      expect(page.headers.get('content-type')).toContain('text/html');
      expect(page.body).not.toMatch(/(src|href)="(https?:)?\/\//);
      const policy = page.headers.get('content-security-policy') ?? '';
      expect(policy).toContain("script-src 'self';");
      expect(policy).not.toMatch(/https?:/);
    }
    for (const asset of ['swagger-ui-bundle.js', 'swagger-ui.css', 'swagger-initializer.js', 'favicon-32x32.png']) {
      expect((await open(`/docs/static/${asset}`)).status).toBe(200);
    }
    expect((await open('/docs/static/../../package.json')).status).toBe(404);
    expect((await open('/docs/json')).body.openapi).toBe('3.1.0');
  });

  test('is not there where it is switched off', async () => {
    const plain = await startWorld({ docs: false });
    for (const path of ['/docs', '/openapi.json', '/asyncapi.json']) {
      expect((await ask(plain, 'GET', path, { key: null })).status).not.toBe(200);
    }
    await plain.close();
  });
});

test('the API itself may load nothing at all, and no other page may show it', async () => {
  const { headers } = await open('/health');
  expect(headers.get('content-security-policy')).toBe(
    "default-src 'none';base-uri 'none';form-action 'none';frame-ancestors 'none'",
  );
  expect(headers.get('x-content-type-options')).toBe('nosniff');
  expect(headers.get('access-control-allow-origin')).toBeNull();
});
