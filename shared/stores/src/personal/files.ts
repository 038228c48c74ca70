import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { UserFile } from './user-file.ts';

/** Files that are open at once. */
const openMax = 100;
const namePattern = /^[0-9a-f]{32}\.sqlite$/;
/** What SQLite puts beside a file. The log first: without its file it must not survive. */
const companions = ['-wal', '-shm', '-journal'];

/** The file's name tells nothing of the user. */
export function fileNameOf(userId: string): string {
  return `${createHash('sha256').update(userId).digest('hex').slice(0, 32)}.sqlite`;
}

interface Opened {
  readonly file: UserFile;
  /** Which file it is, so that one that was removed or put in its place is noticed. */
  readonly inode: bigint | null;
}

/** The files of all users, the last used ones open. */
export class UserFiles {
  readonly #directory: string;
  /** By name, the longest unused first. */
  readonly #open = new Map<string, Opened>();

  constructor(directory: string) {
    this.#directory = directory;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  }

  /** Users in an order that goes through the open files first, so that a round of more users keeps them open. */
  openFirst<T>(byUser: ReadonlyMap<string, T>): [string, T][] {
    const isClosed = ([userId]: [string, T]): number => (this.#open.has(fileNameOf(userId)) ? 0 : 1);
    return [...byUser].sort((a, b) => isClosed(a) - isClosed(b));
  }

  /** A user's file, null where there is none. */
  find(userId: string): UserFile | null {
    const name = fileNameOf(userId);
    return this.#inode(name) === null ? null : this.#use(name, userId);
  }

  /** A user's file, made where there is none. */
  make(userId: string): UserFile {
    return this.#use(fileNameOf(userId), userId);
  }

  /** The names of all files, in order. */
  names(): string[] {
    return readdirSync(this.#directory)
      .filter((name) => namePattern.test(name))
      .sort();
  }

  /** The file of a name; null where it is gone. */
  named(name: string): UserFile | null {
    return this.#inode(name) === null ? null : this.#use(name, null);
  }

  /** Changes whenever anyone writes to the file; null where it is gone. */
  signature(name: string): string | null {
    const stats = ['', '-wal'].map((ending) =>
      statSync(join(this.#directory, name + ending), { bigint: true, throwIfNoEntry: false }),
    );
    if (stats[0] === undefined) return null;
    // A log without content comes and goes with the connection and says nothing.
    return stats.map((stat) => (stat?.size ? `${stat.ino}/${stat.size}/${stat.mtimeNs}` : '-')).join(' ');
  }

  /** Removes a file; whether there was one. */
  remove(name: string): boolean {
    this.#open.get(name)?.file.close();
    this.#open.delete(name);
    const path = join(this.#directory, name);
    const there = existsSync(path);
    for (const ending of companions) rmSync(path + ending, { force: true });
    rmSync(path, { force: true });
    return there;
  }

  close(): void {
    for (const { file } of this.#open.values()) file.close();
    this.#open.clear();
  }

  #use(name: string, owner: string | null): UserFile {
    const opened = this.#current(name) ?? this.#opened(name, owner);
    this.#open.delete(name);
    this.#open.set(name, opened);
    for (const [oldest, unused] of this.#open) {
      if (this.#open.size <= openMax) break;
      this.#open.delete(oldest);
      unused.file.close();
    }
    return opened.file;
  }

  #opened(name: string, owner: string | null): Opened {
    return { file: new UserFile(join(this.#directory, name), owner), inode: this.#inode(name) };
  }

  #current(name: string): Opened | null {
    const opened = this.#open.get(name);
    if (opened === undefined) return null;
    if (opened.inode === this.#inode(name)) return opened;
    opened.file.close();
    return null;
  }

  #inode(name: string): bigint | null {
    return statSync(join(this.#directory, name), { bigint: true, throwIfNoEntry: false })?.ino ?? null;
  }
}
