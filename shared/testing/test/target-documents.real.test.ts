import { testTargetAgainstModel } from '../src/target-model-suite.ts';
import { testTarget } from '../src/target-suite.ts';
import { driver } from './drivers/mongo-documents.ts';

const features = { volatile: false, dimensions: 0, checksTypes: true };

testTarget('documents', 'documents on MongoDB protocol', driver, features);
testTargetAgainstModel('documents', 'documents on MongoDB protocol', driver, features);
