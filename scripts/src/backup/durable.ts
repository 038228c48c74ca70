/** Files that are on the disk when a function returns: a rename or a new file counts only once its folder was flushed. */
import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { writePrivately } from '../compose/files.ts';

/** Flushes a file, or a folder's list of names. */
export function flush(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Makes a folder for its owner alone. Idempotent. */
export function makePrivateFolder(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  flush(dirname(path));
}

/** Writes a small file for its owner alone, whole or not at all. */
export function writeDurably(file: string, content: string): void {
  writePrivately(file, content);
  flush(dirname(file));
}

/** Copies a file for its owner alone; where the file system can, it shares the blocks. */
export function copyDurably(source: string, target: string): void {
  copyFileSync(source, target, constants.COPYFILE_FICLONE);
  chmodSync(target, 0o600);
  flush(target);
}

/** Renames inside one file system. */
export function moveDurably(source: string, target: string): void {
  renameSync(source, target);
  flush(dirname(target));
  if (dirname(source) !== dirname(target)) flush(dirname(source));
}

const removingPrefix = '.removing-';

/** Removes a folder: first its name, so that a kill in the middle leaves nothing that looks whole. */
export function removeWhole(folder: string): void {
  const doomed = join(dirname(folder), removingPrefix + basename(folder));
  rmSync(doomed, { recursive: true, force: true });
  moveDurably(folder, doomed);
  rmSync(doomed, { recursive: true, force: true });
}

/** Finishes what {@link removeWhole} had begun. */
export function removeLeftovers(folder: string, isOurs: (name: string) => boolean): void {
  for (const name of readdirSync(folder)) {
    const isLeft = name.startsWith(removingPrefix) && isOurs(name.slice(removingPrefix.length));
    if (isLeft) rmSync(join(folder, name), { recursive: true, force: true });
  }
}
