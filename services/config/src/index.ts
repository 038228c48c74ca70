export { type ConfigDependencies, createConfigService } from './config.service.ts';
