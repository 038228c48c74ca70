export { createVectorService, type VectorDependencies } from './vector.service.ts';
