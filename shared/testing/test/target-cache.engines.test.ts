import { testTargetAgainstModel } from '../src/target-model-suite.ts';
import { testTarget } from '../src/target-suite.ts';
import { driver } from './drivers/embedded-stores.ts';

const features = { volatile: true, dimensions: 0, checksTypes: true };

testTarget('cache', 'cache on memory', driver, features);
testTargetAgainstModel('cache', 'cache on memory', driver, features);
