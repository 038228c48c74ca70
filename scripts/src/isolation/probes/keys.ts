/** Keys of one version that another one's primary knows, and logs of changes that are a copy of another's. */
import { existsSync } from 'node:fs';
import Database from 'better-sqlite3';
import type { Party } from '../party.ts';
import { type Attempt, crossed, held, type Probe, reasonOf, untried } from '../probe.ts';

const rowsMax = 10_000;

export const keyRows: Probe = {
  name: 'key-rows',
  kind: 'database',
  tries: 'API keys of one version among the rows of another’s primary',
  attack({ attacker, victim }) {
    const tried = `API keys of ${attacker.name} in the primary of ${victim.name}`;
    const mine = rowsOf(attacker, 'SELECT "hash" FROM "api_keys" LIMIT ?');
    const theirs = rowsOf(victim, 'SELECT "hash" FROM "api_keys" LIMIT ?');
    return compare(tried, mine, theirs, 'rows');
  },
};

/** A log is given another incarnation whenever it is made anew; a copied one keeps that of the first. */
export const busIdentity: Probe = {
  name: 'bus-log',
  kind: 'database',
  tries: 'a bus that is a copy of another’s, by its incarnation',
  attack({ attacker, victim }) {
    const tried = `the bus of ${attacker.name} is that of ${victim.name}`;
    return compare(tried, incarnationOf(attacker), incarnationOf(victim), 'incarnation');
  },
};

type Found = readonly string[] | { readonly missing: string };

function compare(tried: string, mine: Found, theirs: Found, what: string): Attempt[] {
  if ('missing' in mine) return [untried(tried, mine.missing)];
  if ('missing' in theirs) return [untried(tried, theirs.missing)];
  if (mine.length === 0 || theirs.length === 0) return [untried(tried, 'there are none')];
  const known = new Set(theirs);
  const shared = mine.filter((one) => known.has(one)).length;
  if (shared > 0) return [crossed(tried, `${shared} ${what} are the same`)];
  return [held(tried, `${mine.length} against ${theirs.length} ${what}: none is the same`)];
}

function rowsOf({ files, addresses }: Party, statement: string): Found {
  if (addresses.primary !== undefined) return { missing: 'the primary is a server' };
  return read(files?.primary, (database) => database.prepare(statement).pluck().all(rowsMax) as string[]);
}

function incarnationOf({ files, addresses }: Party): Found {
  if (addresses.bus !== undefined) return { missing: 'the bus is a server' };
  return read(files?.bus, (database) => database.prepare('SELECT "incarnation" FROM "log"').pluck().all() as string[]);
}

function read(file: string | undefined, work: (database: Database.Database) => readonly string[]): Found {
  if (file === undefined || !existsSync(file)) return { missing: 'no such file here' };
  const database = new Database(file, { readonly: true, timeout: 2000 });
  try {
    return work(database).map(String);
  } catch (error) {
    return { missing: reasonOf(error) };
  } finally {
    database.close();
  }
}
