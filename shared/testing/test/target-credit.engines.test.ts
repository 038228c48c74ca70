import { testTargetAgainstModel } from '../src/target-model-suite.ts';
import { testTarget } from '../src/target-suite.ts';
import { driver } from './drivers/embedded-stores.ts';

const features = { volatile: false, dimensions: 0, checksTypes: true };

testTarget('credit', 'credit on SQLite', driver, features);
testTargetAgainstModel('credit', 'credit on SQLite', driver, features);
