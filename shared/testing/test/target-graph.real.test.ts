import { testTargetAgainstModel } from '../src/target-model-suite.ts';
import { testTarget } from '../src/target-suite.ts';
import { driver } from './drivers/neo4j.ts';

const features = { volatile: false, dimensions: 0, checksTypes: true };

testTarget('graph', 'graph on Neo4j', driver, features);
testTargetAgainstModel('graph', 'graph on Neo4j', driver, features);
