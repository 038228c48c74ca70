import { testTargetAgainstModel } from '../src/target-model-suite.ts';
import { testTarget } from '../src/target-suite.ts';
import { driver } from './drivers/elasticsearch.ts';

const features = { volatile: false, dimensions: 0, checksTypes: true };

testTarget('fulltext', 'fulltext on Elasticsearch', driver, features);
testTargetAgainstModel('fulltext', 'fulltext on Elasticsearch', driver, features);
