import { roles } from '@mindora/contracts';
import { fieldOfType, sampleDimensions } from '../src/target/sample.ts';
import { testTarget } from '../src/target-suite.ts';
import { driver } from './drivers/model.ts';

// The suite on its own model: what it asks can be done.
for (const role of roles) {
  const dimensions = fieldOfType(role, 'vector') === null ? 0 : sampleDimensions;
  testTarget(role, `model as ${role}`, driver, { volatile: true, dimensions, checksTypes: true });
}
