export { createModelService, type ModelDependencies } from './model.service.ts';
