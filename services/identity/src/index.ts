export { createIdentityService, type IdentityDependencies } from './identity.service.ts';
