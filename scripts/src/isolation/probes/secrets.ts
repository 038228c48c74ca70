/** Secrets that two versions share, and files that others of this machine could read. */
import { closeSync, existsSync, openSync, statSync } from 'node:fs';
import { walk } from '../files.ts';
import type { Party } from '../party.ts';
import { type Attempt, crossed, held, type Probe, untried } from '../probe.ts';

export const equalSecrets: Probe = {
  name: 'equal-secrets',
  kind: 'data',
  tries: 'keys and passwords that are the same in two versions',
  attack({ attacker, victim }) {
    const tried = `secrets of ${attacker.name} that are secrets of ${victim.name}`;
    if (attacker.secrets.length === 0 || victim.secrets.length === 0) return [untried(tried, 'no secrets here')];
    const theirs = new Map(victim.secrets.map(({ name, value }) => [value.reveal(), name]));
    const equal = attacker.secrets.flatMap(({ name, value }) => {
      const other = theirs.get(value.reveal());
      return other === undefined
        ? []
        : [crossed(`${name} of ${attacker.name} is not ${other} of ${victim.name}`, 'equal')];
    });
    if (equal.length > 0) return equal;
    return [held(tried, `${attacker.secrets.length} against ${victim.secrets.length}: all differ`)];
  },
};

/** Files of the gateway that hold secrets: for their owner alone. */
function secretFilesOf({ files }: Party): string[] {
  if (files === null) return [];
  const { adminKey, metricsKey, secrets, directory } = files;
  return [adminKey, metricsKey, secrets, `${directory}/engines.env`].filter(existsSync);
}

const openBits = 0o077;

/** The folder with its containers' secrets is closed, its files are for the users of the containers. */
function closedPathsOf(party: Party): string[] {
  const directories = [party.files?.directory, party.secretsDirectory].filter((path) => typeof path === 'string');
  return [...secretFilesOf(party), ...directories];
}

export const openModes: Probe = {
  name: 'open-modes',
  kind: 'data',
  tries: 'secrets and folders of a version that its group or everybody may open, by their modes',
  attack({ victim }) {
    const paths = closedPathsOf(victim);
    if (paths.length === 0) return [untried(`files of ${victim.name}`, 'none here')];
    return paths.map((path) => {
      const mode = statSync(path).mode & 0o777;
      const answer = `mode 0${mode.toString(8)}`;
      return (mode & openBits) === 0 ? held(`open ${path}`, answer) : crossed(`open ${path}`, answer);
    });
  },
};

/** The user nobody, where both versions belong to one user. */
const strangerId = 65_534;
const filesMax = 5000;

export const otherUser: Probe = {
  name: 'other-user',
  kind: 'data',
  tries:
    'every file of a version, opened as another user of the machine: the attacker’s own where it has one, else nobody',
  attack({ attacker, victim }) {
    const roots = [victim.files?.directory, victim.secretsDirectory].filter((path) => typeof path === 'string');
    if (roots.length === 0) return [untried(`files of ${victim.name}`, 'none here')];
    const user = userOf(attacker, victim);
    const tried = `open the files of ${victim.name} as user ${user}`;
    if (process.geteuid?.() !== 0) return [untried(tried, 'only root can act as another user; see open-modes')];
    return tryAll(roots, user, tried);
  },
};

function userOf({ files: mine }: Party, { files: theirs }: Party): number {
  if (mine === null || theirs === null) return strangerId;
  const own = statSync(mine.directory).uid;
  return own === 0 || own === statSync(theirs.directory).uid ? strangerId : own;
}

function tryAll(roots: readonly string[], user: number, tried: string): Attempt[] {
  const paths = roots.flatMap((root) => walk(root) ?? []).filter(({ stats }) => stats?.isFile() === true);
  const looked = paths.slice(0, filesMax).map(({ path }) => path);
  const opened = asUser(user, () => looked.filter(opens));
  if (opened.length > 0) return opened.slice(0, 20).map((path) => crossed(`open ${path} as user ${user}`, 'opened'));
  if (looked.length < paths.length) return [untried(tried, `more than ${filesMax} files`)];
  return [held(tried, `${looked.length} files, all refused`)];
}

function opens(path: string): boolean {
  try {
    closeSync(openSync(path, 'r'));
    return true;
  } catch (error) {
    // Anything else than a refusal says nothing; a file that went meanwhile is no door.
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EACCES' || code === 'EPERM' || code === 'ENOENT') return false;
    throw error;
  }
}

/** Does something at once as another user; nothing else of this thread runs meanwhile. */
function asUser<T>(id: number, work: () => T): T {
  const groups = process.getgroups?.() ?? [];
  process.setgroups?.([]);
  process.setegid?.(id);
  process.seteuid?.(id);
  try {
    return work();
  } finally {
    process.seteuid?.(0);
    process.setegid?.(0);
    process.setgroups?.(groups);
  }
}
