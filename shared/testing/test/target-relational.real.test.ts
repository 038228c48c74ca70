import { testTargetAgainstModel } from '../src/target-model-suite.ts';
import { testTarget } from '../src/target-suite.ts';
import { driver } from './drivers/postgres.ts';

const features = { volatile: false, dimensions: 8, checksTypes: true, refusesNul: true };

testTarget('relational', 'relational on PostgreSQL', driver, features);
testTargetAgainstModel('relational', 'relational on PostgreSQL', driver, features);
