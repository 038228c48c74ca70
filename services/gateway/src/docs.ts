import swagger, { type StaticDocumentSpec } from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { asyncApiDocument } from './asyncapi.ts';
import { openApiDocument } from './openapi.ts';

/** The page loads only from this server; the library sets styles on elements, so these are allowed. */
const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The bar at the top is for descriptions of other servers, which this page doesn't load. */
const pageStyle = '.swagger-ui .topbar { display: none }';

/** The descriptions, and the page to browse them and try requests with. All public: they hold no data. */
export async function registerDocs(app: FastifyInstance, version: string): Promise<void> {
  const document = openApiDocument(version);
  serveDocument(app, '/openapi.json', document);
  serveDocument(app, '/asyncapi.json', asyncApiDocument(version));
  await app.register(swagger, {
    mode: 'static',
    specification: { document: document as unknown as StaticDocumentSpec['document'] },
  });
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: pagePolicy,
    uiConfig: { validatorUrl: null, docExpansion: 'none', deepLinking: true, filter: true, tryItOutEnabled: true },
    theme: { title: `Mindora API (${version})`, css: [{ filename: 'page.css', content: pageStyle }] },
  });
}

function serveDocument(app: FastifyInstance, path: string, document: object): void {
  const text = JSON.stringify(document);
  app.get(path, (_request, reply) => reply.header('cache-control', 'no-cache').type('application/json').send(text));
}
