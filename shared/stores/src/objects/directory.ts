/**
 * Objects in a directory: a file a version, under a name of our own (so that no key leads out of it), and an index in
 * SQLite. A file is written aside, flushed and moved into place before its row is committed; a crash leaves at most a
 * file without a row, which the next start removes.
 */
import { createReadStream } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock, Random } from '@mindora/runtime';
import { type Connection, openDatabase } from '../embedded/database.ts';
import { closedError, toStoreError } from '../embedded/errors.ts';
import type { StoreHealth } from '../port.ts';
import {
  assertBucket,
  assertExpiry,
  assertHash,
  assertKey,
  assertListLimit,
  assertPut,
  assertRange,
  noBucket,
  notEmpty,
} from './checks.ts';
import { DirectoryIndex } from './directory-index.ts';
import type {
  Content,
  GetOptions,
  ObjectFacts,
  ObjectPage,
  Objects,
  ObjectVersion,
  PutOptions,
  StoredObject,
} from './port.ts';
import { type LinkMethod, signedUrl } from './signing.ts';
import { spool, syncFolder } from './spool.ts';

export interface DirectoryOptions {
  readonly directory: string;
  readonly clock: Pick<Clock, 'now'>;
  readonly random: Random;
  /** What presigned URLs are signed with; `verifySignedUrl` needs the same. */
  readonly signingSecret: string;
  /** Where the gateway is reached, without a slash at the end. */
  readonly baseUrl: string;
}

const versionsMax = 1_000;

/** Opens the directory, made where it is new. One process at a time may have it open. */
export async function openDirectoryObjects(options: DirectoryOptions): Promise<Objects> {
  const objects = new DirectoryObjects(options);
  await objects.sweep();
  return objects;
}

class DirectoryObjects implements Objects {
  readonly engine = 'directory';
  readonly #options: DirectoryOptions;
  readonly #connection: Connection;
  readonly #index: DirectoryIndex;

  constructor(options: DirectoryOptions) {
    this.#options = options;
    this.#connection = openDatabase(join(options.directory, 'index.sqlite'));
    this.#index = new DirectoryIndex(this.#connection);
  }

  /** Removes what a crash left behind: uploads that didn't end, files whose row was not committed or is gone. */
  async sweep(): Promise<void> {
    await rm(this.#uploads, { recursive: true, force: true });
    await mkdir(this.#uploads, { recursive: true, mode: 0o700 });
    await mkdir(this.#files, { recursive: true, mode: 0o700 });
    for (const folder of await readdir(this.#files)) {
      for (const version of await readdir(join(this.#files, folder))) {
        if (!this.#index.isKnown(version)) await rm(this.#fileOf(version), { force: true });
      }
    }
  }

  createBucket(bucket: string): Promise<void> {
    return this.#run(async () => {
      assertBucket(bucket);
      this.#index.addBucket(bucket);
    });
  }

  buckets(): Promise<string[]> {
    return this.#run(async () => this.#index.buckets());
  }

  removeBucket(bucket: string): Promise<void> {
    return this.#run(async () => {
      this.#demandBucket(bucket);
      if (!this.#index.removeBucket(bucket)) throw notEmpty();
    });
  }

  put(bucket: string, key: string, content: Content, options: PutOptions): Promise<ObjectFacts> {
    return this.#run(async () => {
      this.#demandBucket(bucket);
      assertKey(key);
      assertPut(options);
      const version = this.#options.random.id();
      const upload = join(this.#uploads, version);
      try {
        const { size, sha256 } = await spool(content, upload);
        assertHash(sha256, options.sha256);
        await this.#moveIn(upload, version);
        const { contentType, metadata = {} } = options;
        const modifiedAt = this.#options.clock.now();
        const facts = { bucket, key, version, size, sha256, contentType, metadata, modifiedAt };
        if (!this.#index.add(facts, false)) throw noBucket();
        return facts;
      } catch (error) {
        await rm(upload, { force: true });
        await rm(this.#fileOf(version), { force: true });
        throw error;
      }
    });
  }

  head(bucket: string, key: string, version?: string): Promise<ObjectFacts | null> {
    return this.#run(async () => {
      this.#demandBucket(bucket);
      return this.#index.find(bucket, key, version);
    });
  }

  get(bucket: string, key: string, { version, range }: GetOptions = {}): Promise<StoredObject | null> {
    return this.#run(async () => {
      this.#demandBucket(bucket);
      const facts = this.#index.find(bucket, key, version);
      if (facts === null) return null;
      if (range !== undefined) assertRange(range, facts.size);
      const part = range === undefined ? {} : { start: range.start, end: range.start + range.length - 1 };
      return { facts, content: createReadStream(this.#fileOf(facts.version), part) };
    });
  }

  delete(bucket: string, key: string): Promise<void> {
    return this.#run(async () => {
      this.#demandBucket(bucket);
      const facts = this.#index.find(bucket, key, undefined);
      if (facts === null) return;
      const marker = { ...facts, version: this.#options.random.id(), size: 0, modifiedAt: this.#options.clock.now() };
      this.#index.add({ ...marker, sha256: null, metadata: {} }, true);
    });
  }

  deleteVersion(bucket: string, key: string, version: string): Promise<void> {
    return this.#run(async () => {
      this.#demandBucket(bucket);
      const found = this.#index.find(bucket, key, version);
      this.#index.remove(bucket, key, version);
      if (found !== null) await rm(this.#fileOf(found.version), { force: true });
    });
  }

  versions(bucket: string, key: string): Promise<ObjectVersion[]> {
    return this.#run(async () => {
      this.#demandBucket(bucket);
      return this.#index.versions(bucket, key, versionsMax);
    });
  }

  list(bucket: string, prefix: string, after: string | null, limit: number): Promise<ObjectPage> {
    return this.#run(async () => {
      this.#demandBucket(bucket);
      assertListLimit(limit);
      const found = this.#index.list(bucket, prefix, after, limit + 1);
      const objects = found.slice(0, limit);
      return { objects, next: found.length > limit ? (objects.at(-1)?.key ?? null) : null };
    });
  }

  presignGet(bucket: string, key: string, expiresInSeconds: number, version?: string): Promise<string> {
    return this.#presign('GET', bucket, key, expiresInSeconds, version ?? null);
  }

  presignPut(bucket: string, key: string, expiresInSeconds: number): Promise<string> {
    return this.#presign('PUT', bucket, key, expiresInSeconds, null);
  }

  async health(): Promise<StoreHealth> {
    const ok = this.#connection.open;
    return { ok, detail: ok ? this.engine : 'closed' };
  }

  async close(): Promise<void> {
    if (this.#connection.open) this.#connection.close();
  }

  get #uploads(): string {
    return join(this.#options.directory, 'uploads');
  }

  get #files(): string {
    return join(this.#options.directory, 'files');
  }

  /** Spread over 256 folders by the last digits, which are random. */
  #fileOf(version: string): string {
    return join(this.#files, version.slice(-2), version);
  }

  async #moveIn(upload: string, version: string): Promise<void> {
    const folder = join(this.#files, version.slice(-2));
    const made = await mkdir(folder, { recursive: true, mode: 0o700 });
    await rename(upload, this.#fileOf(version));
    await syncFolder(folder);
    if (made !== undefined) await syncFolder(this.#files);
  }

  async #presign(
    method: LinkMethod,
    bucket: string,
    key: string,
    seconds: number,
    version: string | null,
  ): Promise<string> {
    assertBucket(bucket);
    assertKey(key);
    assertExpiry(seconds);
    const { baseUrl, signingSecret, clock } = this.#options;
    const expiresAt = Math.floor(clock.now() / 1000) + seconds;
    return signedUrl(baseUrl, signingSecret, { method, bucket, key, version, expiresAt });
  }

  #demandBucket(bucket: string): void {
    assertBucket(bucket);
    if (!this.#index.hasBucket(bucket)) throw noBucket();
  }

  async #run<T>(work: () => Promise<T>): Promise<T> {
    if (!this.#connection.open) throw closedError('objects');
    try {
      return await work();
    } catch (error) {
      throw toStoreError(error, 'objects');
    }
  }
}
