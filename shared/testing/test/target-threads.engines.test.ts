import { testTarget } from '../src/target-suite.ts';
import { driver } from './drivers/threaded-stores.ts';

testTarget('relational', 'relational in a thread', driver, { volatile: false, dimensions: 8, checksTypes: true });
