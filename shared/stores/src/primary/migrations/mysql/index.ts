import { Initial1795339871841 } from './1795339871841-initial.ts';

/** All migrations, oldest first. Made by generate.ts. */
export const migrations = [Initial1795339871841];
