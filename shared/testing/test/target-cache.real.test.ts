import { testTargetAgainstModel } from '../src/target-model-suite.ts';
import { testTarget } from '../src/target-suite.ts';
import { driver } from './drivers/redis-cache.ts';

const features = { volatile: false, dimensions: 0, checksTypes: true };

testTarget('cache', 'cache on Redis', driver, features);
testTargetAgainstModel('cache', 'cache on Redis', driver, features);
