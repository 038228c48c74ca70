/**
 * A store whose file may be damaged, missing or exchanged. It is there from the start, so that it keeps neither the
 * version nor the other stores down: calls fail until its file can be opened, and it is tried again with each of them.
 */
import { mkdtempSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { Role } from '@mindora/contracts';
import { MindoraError, toMindoraError } from '@mindora/runtime';
import { createStore, type StoreDependencies, type StoreDescription, type StoreOptions, storeFile } from './create.ts';
import type { StoreHealth, Target } from './port.ts';

/** Result codes that say that a file is not, or no longer, a database. */
const damageCodes = ['SQLITE_NOTADB', 'SQLITE_CORRUPT'];
/** What SQLite puts beside a file. The log first: without its file it must not survive. */
const companions = ['-wal', '-shm', '-journal'];

/** Every method of a store, and what a proxy must know of it. */
export interface ServedStore {
  readonly service: object;
  close(): Promise<void>;
}

/** Opens a store now or, where that fails, with a later call. */
export async function openReopening(
  role: Role,
  options: StoreOptions,
  dependencies: StoreDependencies,
): Promise<ServedStore> {
  const store = new Reopening(role, options, dependencies);
  await store.start();
  return { service: store.service(), close: () => store.close() };
}

class Reopening {
  readonly #role: Role;
  readonly #options: StoreOptions;
  readonly #dependencies: StoreDependencies;
  readonly #file: string | null;
  #description: StoreDescription | null = null;
  #target: Target | null = null;
  /** Which file is open, so that one that was removed or put in its place is noticed. */
  #inode: bigint | null = null;
  #opening: Promise<Target> | null = null;
  #closed = false;

  constructor(role: Role, options: StoreOptions, dependencies: StoreDependencies) {
    this.#role = role;
    this.#options = options;
    this.#dependencies = dependencies;
    this.#file = storeFile(role, options.directory);
  }

  /** What a broken file would say of the engine, one in a scratch folder says, too. */
  async start(): Promise<void> {
    try {
      this.#description = describe(await this.#opened());
    } catch (thrown) {
      if (toMindoraError(thrown).code !== 'store_unavailable') throw thrown;
      this.#description = await describeElsewhere(this.#role, this.#options, this.#dependencies);
    }
  }

  /** Answers to the names of the store's methods. */
  service(): object {
    const own: Record<string, unknown> = {
      describe: async () => this.#description,
      health: () => this.#health(),
      wipe: () => this.#wipe(),
      label: () => this.#label(),
      scrub: () => this.#scrub(),
      // Its files are opened with the settings that they need.
      weakSettings: async () => [],
    };
    return new Proxy(own, {
      get: (methods, name) => {
        if (typeof name !== 'string' || name === 'then') return undefined;
        return methods[name] ?? ((...args: unknown[]) => this.#call(name, args));
      },
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#opening?.catch(() => undefined);
    await this.#shut();
  }

  async #call(name: string, args: readonly unknown[]): Promise<unknown> {
    const target = await this.#opened();
    const method = (target as unknown as Record<string, unknown>)[name];
    if (typeof method !== 'function') throw new MindoraError('internal', `no method ${name}`);
    return method.apply(target, [...args]);
  }

  #opened(): Promise<Target> {
    if (this.#target !== null) return Promise.resolve(this.#target);
    this.#opening ??= this.#open().finally(() => {
      this.#opening = null;
    });
    return this.#opening;
  }

  async #open(): Promise<Target> {
    if (this.#closed) throw new MindoraError('store_unavailable', `${this.#role} is closed`);
    const target = await createStore(this.#role, this.#options, this.#dependencies).catch((thrown: unknown) => {
      throw isDamage(thrown) ? damaged(this.#role, thrown) : thrown;
    });
    this.#target = target;
    this.#inode = this.#inodeNow();
    return target;
  }

  async #shut(): Promise<void> {
    const target = this.#target;
    this.#target = null;
    await target?.close();
  }

  async #health(): Promise<StoreHealth> {
    try {
      const target = await this.#opened();
      return await target.health();
    } catch (thrown) {
      return { ok: false, detail: toMindoraError(thrown).message };
    }
  }

  /** Sync asks for it again and again; a file that was exchanged is opened anew then, and found without a label. */
  async #label(): Promise<string | null> {
    if (this.#target !== null && this.#inodeNow() !== this.#inode) await this.#shut();
    return (await this.#opened()).label();
  }

  /** Where the file is too damaged to be emptied, it is kept under another name, and a new one made. */
  async #wipe(): Promise<void> {
    try {
      await (await this.#opened()).wipe();
    } catch (thrown) {
      if (!isDamage(thrown) || this.#file === null) throw thrown;
      await this.#shut();
      moveAside(this.#file, this.#dependencies.clock.now());
      await (await this.#opened()).wipe();
    }
  }

  /** What was kept of damaged files goes first: it holds content, too. */
  async #scrub(): Promise<void> {
    if (this.#file !== null) removeKept(this.#file);
    await (await this.#opened()).scrub();
  }

  #inodeNow(): bigint | null {
    if (this.#file === null) return null;
    return statSync(this.#file, { bigint: true, throwIfNoEntry: false })?.ino ?? null;
  }
}

function describe({ role, engine, capabilities }: Target): StoreDescription {
  return { role, engine, capabilities };
}

async function describeElsewhere(
  role: Role,
  options: StoreOptions,
  dependencies: StoreDependencies,
): Promise<StoreDescription> {
  const directory = mkdtempSync(join(tmpdir(), 'mindora-'));
  try {
    const store = await createStore(role, { ...options, directory }, dependencies);
    const description = describe(store);
    await store.close();
    return description;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Whether an error, or what caused it, says that the file itself is broken. */
function isDamage(thrown: unknown): boolean {
  for (let error = thrown; error instanceof Error; error = error.cause) {
    const { code } = error as { code?: unknown };
    if (typeof code === 'string' && damageCodes.some((prefix) => code.startsWith(prefix))) return true;
  }
  return false;
}

function damaged(role: Role, cause: unknown): MindoraError {
  const { message } = toMindoraError(cause);
  return new MindoraError('store_unavailable', `${message}; "mindora rebuild --store ${role}" makes it anew`, {
    cause,
  });
}

function removeKept(file: string): void {
  const kept = `${basename(file)}.damaged-`;
  for (const name of readdirSync(dirname(file))) if (name.startsWith(kept)) rmSync(join(dirname(file), name));
}

function moveAside(file: string, now: number): void {
  for (const ending of companions) rmSync(file + ending, { force: true });
  renameSync(file, `${file}.damaged-${now}`);
}
