export { asyncApiDocument } from './asyncapi.ts';
export { createGateway } from './gateway.ts';
export { openApiDocument } from './openapi.ts';
export { defaultLimits, type Gateway, type GatewayDeps, type Limits, type Rate } from './options.ts';
