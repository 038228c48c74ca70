import { testTargetAgainstModel } from '../src/target-model-suite.ts';
import { testTarget } from '../src/target-suite.ts';
import { driver } from './drivers/weaviate.ts';

const features = { volatile: false, dimensions: 8, checksTypes: true };

testTarget('vectors', 'vectors on Weaviate', driver, features);
testTargetAgainstModel('vectors', 'vectors on Weaviate', driver, features);
