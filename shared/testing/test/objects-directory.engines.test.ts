import { testObjects } from '../src/objects-suite.ts';
import { driver } from './drivers/directory-objects.ts';

testObjects('a directory', driver);
