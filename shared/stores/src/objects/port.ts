/** Objects: files of applications, in buckets, with their versions (C2). */
import type { Readable } from 'node:stream';
import type { StoreHealth } from '../port.ts';

/** What is stored. A stream is never held in memory whole. */
export type Content = Uint8Array | AsyncIterable<Uint8Array>;

export interface PutOptions {
  /** A media type, e.g. "application/pdf". */
  readonly contentType: string;
  /** Of the user's own; 1,000 characters as JSON. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** What the SHA-256 of the content must be, in hexadecimal. */
  readonly sha256?: string;
}

export interface ObjectFacts {
  readonly bucket: string;
  readonly key: string;
  readonly version: string;
  /** Bytes. */
  readonly size: number;
  /** Of the content, in hexadecimal; null where it came by a presigned URL that couldn't compute it. */
  readonly sha256: string | null;
  readonly contentType: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** Milliseconds since 1970. */
  readonly modifiedAt: number;
}

export interface StoredObject {
  readonly facts: ObjectFacts;
  /** Must be read to its end, or destroyed. */
  readonly content: Readable;
}

export interface ObjectVersion {
  readonly version: string;
  readonly size: number;
  readonly modifiedAt: number;
  /** Not a content, but that there is none from here on. */
  readonly deleted: boolean;
  readonly latest: boolean;
}

export interface ByteRange {
  readonly start: number;
  /** May reach beyond the end. */
  readonly length: number;
}

export interface GetOptions {
  /** The latest without it. */
  readonly version?: string;
  /** The whole without it. */
  readonly range?: ByteRange;
}

export interface ListedObject {
  readonly key: string;
  readonly size: number;
  readonly modifiedAt: number;
}

export interface ObjectPage {
  /** In the order of keys as UTF-8 bytes. */
  readonly objects: readonly ListedObject[];
  /** Key to go on after; null at the end. */
  readonly next: string | null;
}

/**
 * A store of objects. A bucket is 3 to 63 lower-case letters, digits and hyphens; a key is of segments between slashes,
 * none of them empty, "." or "..", 800 bytes at most. A key should not be the folder of another: not every engine takes
 * `a` beside `a/b`.
 *
 * All methods throw MindoraError: `invalid_request` for names, ranges and limits, `not_found` for a missing bucket,
 * `store_unavailable` for the engine.
 */
export interface Objects {
  readonly engine: string;
  /** Idempotent. */
  createBucket(bucket: string): Promise<void>;
  /** In alphabetical order. */
  buckets(): Promise<string[]>;
  /** @throws MindoraError `conflict` where it holds a version of anything, a deletion too */
  removeBucket(bucket: string): Promise<void>;
  /**
   * Stores a new version. It is seen whole or not at all, also after a crash, and only once its hash was compared.
   *
   * @throws MindoraError `invalid_request` where the hash is another
   */
  put(bucket: string, key: string, content: Content, options: PutOptions): Promise<ObjectFacts>;
  /** Null where there is none. */
  head(bucket: string, key: string, version?: string): Promise<ObjectFacts | null>;
  /** Null where there is none. @throws MindoraError `invalid_request` where a range begins beyond the end */
  get(bucket: string, key: string, options?: GetOptions): Promise<StoredObject | null>;
  /** From here on there is no content; older versions stay. Idempotent. */
  delete(bucket: string, key: string): Promise<void>;
  /** Removes one version for good, also one that says deleted. Idempotent. */
  deleteVersion(bucket: string, key: string, version: string): Promise<void>;
  /** Newest first, 1,000 at most; empty where there never was one. */
  versions(bucket: string, key: string): Promise<ObjectVersion[]>;
  /** Latest versions of keys that begin with `prefix`, above `after`, at most `limit` (1-1,000). */
  list(bucket: string, prefix: string, after: string | null, limit: number): Promise<ObjectPage>;
  /** A URL that gives the content to anybody who has it, for 1 second to 7 days. */
  presignGet(bucket: string, key: string, expiresInSeconds: number, version?: string): Promise<string>;
  /** A URL to which anybody who has it may PUT a new version, for 1 second to 7 days. */
  presignPut(bucket: string, key: string, expiresInSeconds: number): Promise<string>;
  health(): Promise<StoreHealth>;
  /** Idempotent. */
  close(): Promise<void>;
}
