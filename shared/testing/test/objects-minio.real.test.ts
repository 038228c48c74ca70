import { testObjects } from '../src/objects-suite.ts';
import { driver } from './drivers/minio-objects.ts';

testObjects('MinIO', driver);
