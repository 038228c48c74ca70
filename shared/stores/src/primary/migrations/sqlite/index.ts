import { Initial1795329399798 } from './1795329399798-initial.ts';
import { SpecialDatabases1795338161646 } from './1795338161646-specialDatabases.ts';

/** All migrations, oldest first. Made by generate.ts. */
export const migrations = [Initial1795329399798, SpecialDatabases1795338161646];
