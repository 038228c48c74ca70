import { Initial1795328414528 } from './1795328414528-initial.ts';

/** All migrations, oldest first. Made by generate.ts. */
export const migrations = [Initial1795328414528];
