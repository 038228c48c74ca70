import type { EntityName } from '@mindora/contracts';
import { compareKeys } from '@mindora/contracts';
import type { Register } from '../embedded/index.ts';
import type { UserFiles } from './files.ts';
import { personalEntities, type UserFile } from './user-file.ts';

/** A document that lies where the register knows of none. */
export interface Stray {
  readonly entity: EntityName;
  readonly id: string;
  /** The users in whose files it lies. */
  readonly owners: readonly string[];
}

/** Strays that are kept of one file; a file with more is told of as far as that. */
const straysPerFileMax = 10_000;
const idsPerStep = 10_000;

/**
 * What sync did not write into users' files. A file is read through only when it has changed since the last time, so
 * that looking again costs two calls of the file system a user.
 */
export class Strays {
  readonly #files: UserFiles;
  readonly #register: Register;
  readonly #seen = new Map<string, { readonly signature: string; readonly strays: readonly Stray[] }>();
  #byEntity = new Map<EntityName, Stray[]>();
  #registerVersion = 0;

  constructor(files: UserFiles, register: Register) {
    this.#files = files;
    this.#register = register;
  }

  /** Looks through the files that have changed; other calls come between two of them. */
  async look(): Promise<void> {
    const registerVersion = this.#register.foreignChanges();
    if (registerVersion !== this.#registerVersion) this.forget();
    this.#registerVersion = registerVersion;
    const names = this.#files.names();
    for (const name of names) {
      const signature = this.#files.signature(name);
      if (signature === null || this.#seen.get(name)?.signature === signature) continue;
      const file = this.#files.named(name);
      if (file === null) continue;
      const strays = this.#straysOf(file);
      // The signature after reading: opening the file may itself have changed the log's.
      this.#seen.set(name, { signature: this.#files.signature(name) ?? '', strays });
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#collect(new Set(names));
  }

  /** Strays of an entity with an id above `after`, in the order of ids. */
  range(entity: EntityName, after: string | null, limit: number): Stray[] {
    const strays = this.#byEntity.get(entity) ?? [];
    const above = after === null ? strays : strays.filter(({ id }) => compareKeys(id, after) > 0);
    return above.slice(0, limit);
  }

  find(entity: EntityName, id: string): Stray | null {
    return this.#byEntity.get(entity)?.find((stray) => stray.id === id) ?? null;
  }

  /** Looks through all files the next time, because the register has changed under them. */
  forget(): void {
    this.#seen.clear();
  }

  clear(): void {
    this.forget();
    this.#byEntity = new Map();
  }

  #straysOf(file: UserFile): Stray[] {
    const owner = file.owner;
    const strays: Stray[] = [];
    if (owner === null) return strays;
    for (const entity of personalEntities) {
      for (let ids = file.ids(entity, null, idsPerStep); ids.length > 0; ) {
        for (const id of ids) {
          if (strays.length >= straysPerFileMax) return strays;
          if (this.#register.line(entity, id)?.owner !== owner) strays.push({ entity, id, owners: [owner] });
        }
        ids = file.ids(entity, ids.at(-1) ?? null, idsPerStep);
      }
    }
    return strays;
  }

  #collect(names: ReadonlySet<string>): void {
    this.#byEntity = new Map();
    for (const [name, { strays }] of this.#seen) {
      if (!names.has(name)) this.#seen.delete(name);
      else for (const stray of strays) this.#add(stray);
    }
    for (const [entity, strays] of this.#byEntity) {
      this.#byEntity.set(entity, merged(strays.sort((a, b) => compareKeys(a.id, b.id))));
    }
  }

  #add(stray: Stray): void {
    const list = this.#byEntity.get(stray.entity);
    if (list === undefined) this.#byEntity.set(stray.entity, [stray]);
    else list.push(stray);
  }
}

/** One id in several files is one record that is wrong. */
function merged(sorted: readonly Stray[]): Stray[] {
  const strays: Stray[] = [];
  for (const stray of sorted) {
    const last = strays.at(-1);
    if (last?.id === stray.id) strays[strays.length - 1] = { ...last, owners: [...last.owners, ...stray.owners] };
    else strays.push(stray);
  }
  return strays;
}
