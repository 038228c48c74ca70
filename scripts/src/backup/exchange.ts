/**
 * Puts one state of a version in the place of another, so that a kill at any moment leaves the one or the other. Up to
 * the journal the old state stands, and all of the new one is on the disk; from then on whoever opens the version, or
 * asks anything of it, first carries the exchange out: each of its renames may have happened already.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { VersionFiles } from '../compose/files.ts';
import { flush, makePrivateFolder, moveDurably, removeLeftovers, removeWhole, writeDurably } from './durable.ts';
import { placesOf, stateParts } from './layout.ts';
import { type Steps, unwatched } from './ports.ts';

/** What is said of a state that was replaced. */
export interface KeptState {
  readonly name: string;
  readonly at: string;
  /** What replaced it: the name of a backup, or of a kept state. */
  readonly replaced_by: string;
}

interface Exchange {
  /** Folder in the version's directory that the new state comes from; it is removed in the end. */
  readonly from: string;
  /** Folder that the old state goes to; null where there was nothing. */
  readonly keep: KeptState | null;
  readonly leaving: readonly string[];
  readonly arriving: readonly string[];
}

const keptFile = 'kept.json';

/** States that are kept of a version; an older one goes when another comes. */
export const keptMax = 2;

/**
 * Exchanges the state of a version for the one in a folder beside it. The caller holds the version's lock, and the
 * folder's content is on the disk.
 *
 * @returns the state that was replaced; null where there was none
 */
export function exchangeStates(
  files: VersionFiles,
  { from, keep }: { readonly from: string; readonly keep: KeptState },
  steps: Steps,
): KeptState | null {
  const leaving = stateParts.filter((part) => existsSync(join(files.directory, part)));
  const arriving = stateParts.filter((part) => existsSync(join(from, part)));
  const exchange: Exchange = {
    from: relative(files.directory, from),
    keep: leaving.length === 0 ? null : keep,
    leaving,
    arriving,
  };
  steps.reached('decide');
  writeDurably(placesOf(files).journal, `${JSON.stringify(exchange, null, 2)}\n`);
  carryOut(files, exchange, steps);
  return exchange.keep;
}

function carryOut(files: VersionFiles, exchange: Exchange, steps: Steps): void {
  const { keep, leaving, arriving } = exchange;
  const { kept, journal } = placesOf(files);
  const from = join(files.directory, exchange.from);
  if (keep !== null) moveOut(files, join(kept, keep.name), keep, leaving, steps);
  for (const part of arriving) {
    if (!existsSync(join(from, part))) continue;
    steps.reached(`move in ${part}`);
    moveDurably(join(from, part), join(files.directory, part));
  }
  steps.reached('remove what is empty');
  rmSync(from, { recursive: true, force: true });
  steps.reached('forget the decision');
  rmSync(journal, { force: true });
  flush(files.directory);
  steps.reached('say so');
}

function moveOut(files: VersionFiles, folder: string, keep: KeptState, leaving: readonly string[], steps: Steps): void {
  makePrivateFolder(placesOf(files).kept);
  makePrivateFolder(folder);
  for (const part of leaving) {
    // What is there has left already; under its old name the new one may have come.
    if (existsSync(join(folder, part))) continue;
    steps.reached(`move out ${part}`);
    moveDurably(join(files.directory, part), join(folder, part));
  }
  writeDurably(join(folder, keptFile), `${JSON.stringify(keep, null, 2)}\n`);
}

/** Carries out what was decided when a process was killed, and removes what was not. The caller holds the lock. */
export function settle(files: VersionFiles, steps: Steps = unwatched): void {
  const { journal, staging, kept } = placesOf(files);
  if (existsSync(journal)) carryOut(files, JSON.parse(readFileSync(journal, 'utf8')) as Exchange, steps);
  rmSync(staging, { recursive: true, force: true });
  if (existsSync(kept)) removeLeftovers(kept, () => true);
}

/** Whether a restore is under way, or was killed and not settled yet. */
export function isBeingExchanged(files: VersionFiles): boolean {
  const { journal, staging } = placesOf(files);
  return existsSync(journal) || existsSync(staging);
}

/** States that were replaced, oldest first. */
export function listKept(files: VersionFiles): KeptState[] {
  const { kept } = placesOf(files);
  if (!existsSync(kept)) return [];
  const described = readdirSync(kept).filter((name) => existsSync(join(kept, name, keptFile)));
  const states = described.map((name) => JSON.parse(readFileSync(join(kept, name, keptFile), 'utf8')) as KeptState);
  return states.sort((one, other) => (one.at < other.at ? -1 : 1));
}

/** Removes all but the newest kept states; which they were. */
export function discardKept(files: VersionFiles, keep: number): string[] {
  const all = listKept(files);
  const doomed = all.slice(0, Math.max(0, all.length - keep)).map(({ name }) => name);
  for (const name of doomed) removeWhole(join(placesOf(files).kept, name));
  return doomed;
}

/** Makes the folder that a new state is gathered in, empty. */
export function makeStaging(files: VersionFiles): string {
  const { staging } = placesOf(files);
  rmSync(staging, { recursive: true, force: true });
  mkdirSync(staging, { mode: 0o700 });
  return staging;
}
