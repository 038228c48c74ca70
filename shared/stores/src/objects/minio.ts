/**
 * Objects in MinIO (or another S3 that keeps versions). Content is spooled and hashed before the first byte is sent:
 * S3 fixes an object's metadata, the hash among them, before it has the content.
 */
import { createReadStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Random } from '@mindora/runtime';
import type { StoreConnection } from '../connection.ts';
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
import { codeOf, isMissing, MinioConnection, parseMinioUrl } from './minio-connection.ts';
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
import { spool } from './spool.ts';

export interface MinioOptions {
  readonly random: Random;
  /** Where content waits before it is sent; the system's folder for temporary files without it. */
  readonly spoolDirectory?: string;
}

const versionsMax = 1_000;
/** Names of headers; S3 puts "x-amz-meta-" before the last two. */
const typeHeader = 'Content-Type';
const hashHeader = 'X-Amz-Meta-Mindora-Sha256';
const metadataHeader = 'X-Amz-Meta-Mindora-Metadata';

/**
 * Objects on the server of `http://ACCESS:SECRET@HOST:PORT`; names of buckets begin with the connection's namespace,
 * its underscores as hyphens.
 *
 * @throws MindoraError `invalid_request` where the address is none
 */
export function openMinioObjects(connection: StoreConnection, options: MinioOptions): Objects {
  return new MinioObjects(connection, options);
}

class MinioObjects implements Objects {
  readonly engine = 'MinIO';
  readonly #connection: MinioConnection;
  readonly #prefix: string;
  readonly #options: MinioOptions;

  constructor({ url, namespace }: StoreConnection, options: MinioOptions) {
    this.#connection = new MinioConnection(parseMinioUrl(url));
    this.#prefix = namespace.toLowerCase().replaceAll('_', '-');
    this.#options = options;
  }

  async createBucket(bucket: string): Promise<void> {
    const name = this.#name(bucket);
    await this.#connection.call(async (client) => {
      if (!(await client.bucketExists(name))) {
        await client.makeBucket(name).catch((error: unknown) => {
          if (codeOf(error) !== 'BucketAlreadyOwnedByYou') throw error;
        });
      }
      // Again where it is there: a crash may have come between both.
      await client.setBucketVersioning(name, { Status: 'Enabled' });
    });
  }

  async buckets(): Promise<string[]> {
    const names = (await this.#connection.call((client) => client.listBuckets())).map(({ name }) => name);
    const own = names.filter((name) => name.startsWith(this.#prefix)).map((name) => name.slice(this.#prefix.length));
    return own.sort();
  }

  async removeBucket(bucket: string): Promise<void> {
    await this.#inBucket(bucket, (client, name) => client.removeBucket(name));
  }

  async put(bucket: string, key: string, content: Content, options: PutOptions): Promise<ObjectFacts> {
    assertKey(key);
    assertPut(options);
    await this.#demandBucket(bucket);
    const folder = this.#options.spoolDirectory ?? tmpdir();
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const file = join(folder, `mindora-upload-${this.#options.random.id()}`);
    try {
      const { size, sha256 } = await spool(content, file);
      assertHash(sha256, options.sha256);
      const headers = headersFor(options, sha256);
      const sent = await this.#inBucket(bucket, (client, name) =>
        client.putObject(name, key, createReadStream(file), size, headers),
      );
      const facts = await this.head(bucket, key, sent.versionId ?? undefined);
      if (facts === null) throw noBucket();
      return facts;
    } finally {
      await rm(file, { force: true });
    }
  }

  async head(bucket: string, key: string, version?: string): Promise<ObjectFacts | null> {
    assertKey(key);
    await this.#demandBucket(bucket);
    return this.#stat(bucket, key, version);
  }

  async get(bucket: string, key: string, { version, range }: GetOptions = {}): Promise<StoredObject | null> {
    const facts = await this.head(bucket, key, version);
    if (facts === null) return null;
    if (range !== undefined) assertRange(range, facts.size);
    // Of the version that was looked at, whatever comes meanwhile.
    const one = { versionId: facts.version };
    const content = await this.#inBucket(bucket, (client, name) =>
      range === undefined
        ? client.getObject(name, key, one)
        : client.getPartialObject(name, key, range.start, range.length, one),
    );
    return { facts, content };
  }

  async delete(bucket: string, key: string): Promise<void> {
    // Without content there is nothing to say of it; the engine would note a deletion all the same.
    if ((await this.head(bucket, key)) === null) return;
    await this.#inBucket(bucket, (client, name) => client.removeObject(name, key));
  }

  async deleteVersion(bucket: string, key: string, version: string): Promise<void> {
    assertKey(key);
    await this.#demandBucket(bucket);
    await this.#inBucket(bucket, (client, name) => client.removeObject(name, key, { versionId: version })).catch(
      (error: unknown) => {
        if (!isMissing(error)) throw error;
      },
    );
  }

  async versions(bucket: string, key: string): Promise<ObjectVersion[]> {
    assertKey(key);
    await this.#demandBucket(bucket);
    const found: ObjectVersion[] = [];
    let from: VersionMarkers = {};
    for (let isEnd = false; !isEnd && found.length < versionsMax; ) {
      const page = await this.#versionPage(bucket, key, from);
      found.push(...page.items.filter(({ name }) => name === key).map(versionOf));
      // Keys come in order, and those of which this one is the beginning follow it.
      isEnd = page.next === null || page.items.some(({ name }) => name !== key);
      from = page.next ?? {};
    }
    // The client gives deletions after all contents of a page.
    return found
      .sort((a, b) => Number(b.latest) - Number(a.latest) || b.modifiedAt - a.modifiedAt)
      .slice(0, versionsMax);
  }

  async list(bucket: string, prefix: string, after: string | null, limit: number): Promise<ObjectPage> {
    assertListLimit(limit);
    await this.#demandBucket(bucket);
    const { objects, isTruncated } = await this.#inBucket(bucket, (client, name) =>
      client.listObjectsV2Query(name, prefix, '', '', limit, after ?? ''),
    );
    const listed = objects.map(({ name, size, lastModified }) => {
      return { key: name ?? '', size: size ?? 0, modifiedAt: new Date(lastModified ?? 0).getTime() };
    });
    return { objects: listed, next: isTruncated ? (listed.at(-1)?.key ?? null) : null };
  }

  async presignGet(bucket: string, key: string, expiresInSeconds: number, version?: string): Promise<string> {
    assertKey(key);
    assertExpiry(expiresInSeconds);
    const query = version === undefined ? {} : { versionId: version };
    return this.#connection.call((client) =>
      client.presignedUrl('GET', this.#name(bucket), key, expiresInSeconds, query),
    );
  }

  async presignPut(bucket: string, key: string, expiresInSeconds: number): Promise<string> {
    assertKey(key);
    assertExpiry(expiresInSeconds);
    return this.#connection.call((client) => client.presignedPutObject(this.#name(bucket), key, expiresInSeconds));
  }

  async health(): Promise<StoreHealth> {
    try {
      await this.#connection.ping();
      return { ok: true, detail: this.engine };
    } catch (error) {
      return { ok: false, detail: error instanceof Error ? error.message : 'unknown' };
    }
  }

  async close(): Promise<void> {
    this.#connection.close();
  }

  #name(bucket: string): string {
    assertBucket(bucket);
    assertBucket(this.#prefix + bucket);
    return this.#prefix + bucket;
  }

  /** The engine tells of a missing bucket in as many ways as it has requests. */
  async #demandBucket(bucket: string): Promise<void> {
    if (!(await this.#connection.call((client) => client.bucketExists(this.#name(bucket))))) throw noBucket();
  }

  async #inBucket<T>(bucket: string, work: (client: Client, name: string) => Promise<T>): Promise<T> {
    const name = this.#name(bucket);
    return this.#connection.call(async (client) => {
      try {
        return await work(client, name);
      } catch (error) {
        if (codeOf(error) === 'NoSuchBucket') throw noBucket();
        if (codeOf(error) === 'BucketNotEmpty') throw notEmpty();
        throw error;
      }
    });
  }

  async #versionPage(bucket: string, key: string, from: VersionMarkers): Promise<VersionPage> {
    const options = { IncludeVersion: true, Delimiter: '', MaxKeys: versionsMax, ...from };
    const answer = (await this.#inBucket(bucket, (client, name) =>
      client.listObjectsQuery(name, key, '', options),
    )) as unknown as VersionAnswer;
    const { objects, isTruncated, keyMarker = '', versionIdMarker = '' } = answer;
    return { items: objects, next: isTruncated === true ? { keyMarker, versionIdMarker } : null };
  }

  async #stat(bucket: string, key: string, version: string | undefined): Promise<ObjectFacts | null> {
    const options = version === undefined ? {} : { versionId: version };
    try {
      const { size, lastModified, metaData, versionId } = await this.#inBucket(bucket, (client, name) =>
        client.statObject(name, key, options),
      );
      const facts = { bucket, key, version: versionId ?? 'null', size, modifiedAt: lastModified.getTime() };
      return { ...facts, ...readHeaders(metaData) };
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  }
}

type Client = Parameters<Parameters<MinioConnection['call']>[0]>[0];

interface VersionItem {
  readonly name: string;
  readonly size?: number;
  readonly versionId: string;
  readonly lastModified: string | Date;
  readonly isDeleteMarker?: boolean;
  readonly isLatest?: boolean | string;
}

interface VersionMarkers {
  readonly keyMarker?: string;
  readonly versionIdMarker?: string;
}

interface VersionAnswer extends VersionMarkers {
  readonly objects: readonly VersionItem[];
  readonly isTruncated?: boolean;
}

interface VersionPage {
  readonly items: readonly VersionItem[];
  readonly next: VersionMarkers | null;
}

function versionOf({ versionId, size = 0, lastModified, isDeleteMarker, isLatest }: VersionItem): ObjectVersion {
  const deleted = isDeleteMarker === true;
  const modifiedAt = new Date(lastModified).getTime();
  return { version: versionId, size: deleted ? 0 : size, modifiedAt, deleted, latest: String(isLatest) === 'true' };
}

/** Headers hold letters of ASCII only, and their names no case. */
function headersFor({ contentType, metadata = {} }: PutOptions, sha256: string): Record<string, string> {
  return {
    [typeHeader]: contentType,
    [hashHeader]: sha256,
    [metadataHeader]: Buffer.from(JSON.stringify(metadata)).toString('base64url'),
  };
}

function readHeaders(
  headers: Readonly<Record<string, unknown>>,
): Pick<ObjectFacts, 'sha256' | 'contentType' | 'metadata'> {
  const lower = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)]));
  const text = lower.get('mindora-metadata');
  return {
    sha256: lower.get('mindora-sha256') ?? null,
    contentType: lower.get('content-type') ?? 'application/octet-stream',
    metadata:
      text === undefined ? {} : (JSON.parse(Buffer.from(text, 'base64url').toString()) as Record<string, string>),
  };
}
