import { Initial1795329399798 } from './1795329399798-initial.ts';

/** All migrations, oldest first. Made by generate.ts. */
export const migrations = [Initial1795329399798];
