export { createGraphService, type GraphDependencies } from './graph.service.ts';
