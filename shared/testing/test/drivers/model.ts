import { ModelTarget } from '../../src/model/target.ts';
import type { TargetDriver } from '../../src/target/driver.ts';
import { fieldOfType, sampleDimensions } from '../../src/target/sample.ts';

export const driver: TargetDriver = {
  module: new URL(import.meta.url),
  open: async (role) => new ModelTarget(role, fieldOfType(role, 'vector') === null ? 0 : sampleDimensions),
};
