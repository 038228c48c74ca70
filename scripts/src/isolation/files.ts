/** Looks into directories, with bounds. */
import {
  closeSync,
  existsSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  type Stats,
  statSync,
} from 'node:fs';
import { join } from 'node:path';

export const entriesMax = 50_000;
const chunkBytes = 1 << 20;
/** Of one file; what lies behind is not read. */
export const searchedBytesMax = 1 << 30;

export interface Entry {
  readonly path: string;
  /** Of what it leads to, where it is a link; null: it leads nowhere. */
  readonly stats: Stats | null;
  /** Where a symbolic link leads. */
  readonly link: string | null;
}

/** Everything below a path and itself, links not followed; null where there is more than is looked at. */
export function walk(root: string): Entry[] | null {
  const found: Entry[] = [];
  const waiting = [root];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (found.length >= entriesMax) return null;
    const entry = look(path);
    // It was deleted meanwhile, as databases do with their logs.
    if (entry === null) continue;
    found.push(entry);
    if (entry.link === null && entry.stats?.isDirectory() === true) waiting.push(...childrenOf(path));
  }
  return found;
}

function look(path: string): Entry | null {
  try {
    const own = lstatSync(path);
    const link = own.isSymbolicLink() ? readlinkSync(path) : null;
    return { path, link, stats: statSync(path, { throwIfNoEntry: false }) ?? null };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function childrenOf(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory).map((name) => join(directory, name)) : [];
}

/** What one file on this machine is, by whatever name. */
export function identityOf(stats: Stats): string {
  return `${stats.dev}:${stats.ino}`;
}

/** The first of several texts that a file holds; null: none. */
export function findInFile(path: string, texts: readonly string[]): string | null {
  const needles = texts.map((text) => Buffer.from(text));
  const overlap = Math.max(0, ...needles.map(({ length }) => length - 1));
  const chunk = Buffer.allocUnsafe(chunkBytes + overlap);
  const file = openSync(path, 'r');
  try {
    for (let at = 0, kept = 0; at < searchedBytesMax; ) {
      const read = readSync(file, chunk, kept, chunkBytes, at);
      if (read === 0) return null;
      const content = chunk.subarray(0, kept + read);
      const found = needles.findIndex((needle) => content.includes(needle));
      if (found !== -1) return texts[found] ?? null;
      at += read;
      kept = Math.min(overlap, content.length);
      content.copyWithin(0, content.length - kept);
    }
    return null;
  } finally {
    closeSync(file);
  }
}
