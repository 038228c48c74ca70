import { testTargetAgainstModel } from '../src/target-model-suite.ts';
import { testTarget } from '../src/target-suite.ts';
import { driver } from './drivers/embedded-stores.ts';

const features = { volatile: false, dimensions: 8, checksTypes: true };

testTarget('relational', 'relational on SQLite', driver, features);
testTargetAgainstModel('relational', 'relational on SQLite', driver, features);
