/** Whether two versions have a file or a folder in common, by whatever name it goes. */
import { existsSync, realpathSync } from 'node:fs';
import { type Entry, entriesMax, identityOf, walk } from '../files.ts';
import type { Party } from '../party.ts';
import { type Attempt, type Border, crossed, held, type Probe, untried } from '../probe.ts';

const toldMax = 20;
const databaseFile = /\.sqlite(-wal|-shm|-journal)?$/;

/** Every place on this machine in which a version keeps something. */
export function rootsOf({ files, secretsDirectory, logs, backups }: Party): string[] {
  const known = [files?.directory, secretsDirectory, backups, ...logs];
  return known.filter((path) => path !== undefined && path !== null).filter((path) => existsSync(path));
}

function entriesOf(party: Party): Entry[] | null {
  const found: Entry[] = [];
  for (const root of new Set(rootsOf(party).map((path) => realpathSync(path)))) {
    const entries = walk(root);
    if (entries === null) return null;
    found.push(...entries);
  }
  return found;
}

/** Compares devices and inodes, so that links, hard links and mounts are all seen. */
function compare({ attacker, victim }: Border, wanted: (path: string) => boolean): Attempt[] {
  const mine = entriesOf(attacker)?.filter(({ path }) => wanted(path));
  const theirs = entriesOf(victim)?.filter(({ path }) => wanted(path));
  const tried = `files of ${attacker.name} that are files of ${victim.name}`;
  if (mine === undefined || theirs === undefined) return [untried(tried, `more than ${entriesMax} files`)];
  if (mine.length === 0 || theirs.length === 0) return [untried(tried, 'no such files here')];
  const known = new Map(theirs.map(({ path, stats }) => [stats === null ? path : identityOf(stats), path]));
  const shared = mine.flatMap(({ path, stats, link }) => {
    const other = stats === null ? undefined : known.get(identityOf(stats));
    const how = link === null ? 'one file by device and inode' : 'a symbolic link';
    return other === undefined ? [] : [crossed(`${path} is not ${other}`, how)];
  });
  if (shared.length > 0) return shared.slice(0, toldMax);
  return [held(tried, `${mine.length} against ${theirs.length}: none by device and inode`)];
}

export const databaseFiles: Probe = {
  name: 'database-files',
  kind: 'database',
  tries: 'database files that two versions open, by link, hard link or mount',
  attack: (border) => compare(border, (path) => databaseFile.test(path)),
};

export const directories: Probe = {
  name: 'directories',
  kind: 'data',
  tries: 'folders and files (data, secrets, logs, backups) that two versions have in common',
  attack: (border) => compare(border, (path) => !databaseFile.test(path)),
};
