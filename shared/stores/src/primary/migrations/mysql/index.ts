import { Initial1795339043679 } from './1795339043679-initial.ts';

/** All migrations, oldest first. Made by generate.ts. */
export const migrations = [Initial1795339043679];
