import { expect } from '@jest/globals';
import { compareKeys } from '@mindora/contracts';
import type { Objects } from '@mindora/stores/objects/port';
import { until } from '../until.ts';
import { bytesOf, digest, longContent, read, sha256Of } from './content.ts';
import { type ObjectsCase, plainText } from './context.ts';

const megabyte = 1024 * 1024;
/** A content of 200 MB may take so much memory, with what is left to be collected; held whole, it took twice that. */
const memoryMax = 150 * megabyte;

/** Content, metadata, hashes. */
const contentCases: readonly ObjectsCase[] = [
  {
    name: 'bytes come back as they were put, with what is known of them',
    async run(c) {
      const bytes = bytesOf(1, 100_003);
      const metadata = { author: 'Ünï 作者', note: 'a "quoted" \n line' };
      const options = { contentType: 'application/pdf', metadata, sha256: sha256Of(bytes) };
      const facts = await c.store.put(c.bucket, 'reports/2026/一月.pdf', bytes, options);
      const wanted = { bucket: c.bucket, key: 'reports/2026/一月.pdf', size: bytes.length, ...options };
      expect(facts).toMatchObject(wanted);
      expect(Math.abs(facts.modifiedAt - Date.now())).toBeLessThan(120_000);
      const found = await c.store.get(c.bucket, facts.key);
      expect(found?.facts).toEqual(facts);
      expect(found === null ? null : (await read(found.content)).equals(bytes)).toBe(true);
      expect(await c.store.head(c.bucket, facts.key)).toEqual(facts);
    },
  },
  {
    name: 'contents of none, of one byte, and as a stream',
    async run(c) {
      for (const length of [0, 1, 70_000]) {
        const bytes = bytesOf(length, length);
        const stream = (async function* () {
          for (let at = 0; at < length; at += 999) yield bytes.subarray(at, at + 999);
        })();
        const facts = await c.store.put(c.bucket, `length-${length}`, stream, plainText);
        expect(facts).toMatchObject({ size: length, sha256: sha256Of(bytes) });
        const found = await c.store.get(c.bucket, facts.key);
        expect(found === null ? null : sha256Of(await read(found.content))).toBe(facts.sha256);
      }
    },
  },
  {
    name: 'another hash than was said is refused, and nothing of it is seen',
    async run(c) {
      const sha256 = sha256Of(Buffer.from('something else'));
      const put = c.store.put(c.bucket, 'a', Buffer.from('text'), { ...plainText, sha256 });
      await expect(put).rejects.toMatchObject({ code: 'invalid_request' });
      expect(await c.store.versions(c.bucket, 'a')).toEqual([]);
      await c.put('a', 'right');
      await expect(c.store.put(c.bucket, 'a', Buffer.from('wrong'), { ...plainText, sha256 })).rejects.toMatchObject({
        code: 'invalid_request',
      });
      expect(await c.text('a')).toBe('right');
    },
  },
  {
    name: 'a stream that fails in the middle leaves nothing',
    async run(c) {
      const broken = (async function* () {
        yield bytesOf(1, 200_000);
        throw new RangeError('the sender hung up');
      })();
      await expect(c.store.put(c.bucket, 'half', broken, plainText)).rejects.toThrow();
      expect(await c.store.head(c.bucket, 'half')).toBeNull();
      expect(await c.keys()).toEqual([]);
    },
  },
  {
    name: 'ranges: from the start, in the middle, beyond the end',
    async run(c) {
      const bytes = bytesOf(3, 10_000);
      await c.store.put(c.bucket, 'a', bytes, plainText);
      for (const [start, length] of [
        [0, 1],
        [0, 10_000],
        [5_000, 77],
        [9_999, 1],
        [9_990, 500],
      ] as const) {
        const found = await c.store.get(c.bucket, 'a', { range: { start, length } });
        expect(found?.facts.size).toBe(10_000);
        const part = found === null ? null : await read(found.content);
        expect(part?.equals(bytes.subarray(start, start + length))).toBe(true);
      }
      for (const range of [
        { start: 10_000, length: 1 },
        { start: -1, length: 5 },
        { start: 0, length: 0 },
      ]) {
        await expect(c.store.get(c.bucket, 'a', { range })).rejects.toMatchObject({ code: 'invalid_request' });
      }
    },
  },
  {
    name: '200 MB go up and come down without being in memory',
    async run(c) {
      const length = 200 * megabyte;
      const before = process.memoryUsage().rss;
      let most = before;
      const watch = setInterval(() => {
        most = Math.max(most, process.memoryUsage().rss);
      }, 20);
      const facts = await c.store.put(c.bucket, 'large', longContent(9, length), plainText);
      const found = await c.store.get(c.bucket, 'large');
      const came = found === null ? null : await digest(found.content);
      clearInterval(watch);
      expect(came).toEqual({ sha256: facts.sha256, size: length });
      expect(came?.sha256).toBe((await digest(longContent(9, length))).sha256);
      expect(most - before).toBeLessThan(memoryMax);
    },
  },
];

/** Versions and deletions. */
const versionCases: readonly ObjectsCase[] = [
  {
    name: 'each put is a version, and each can be read',
    async run(c) {
      const versions = [await c.put('a', 'one'), await c.put('a', 'two'), await c.put('a', 'three')];
      expect(new Set(versions).size).toBe(3);
      expect(await c.text('a')).toBe('three');
      for (const [i, text] of ['one', 'two', 'three'].entries()) expect(await c.text('a', versions[i])).toBe(text);
      const listed = await c.store.versions(c.bucket, 'a');
      expect(listed.map(({ version }) => version)).toEqual(versions.toReversed());
      expect(listed.map(({ latest, deleted }) => [latest, deleted])).toEqual([
        [true, false],
        [false, false],
        [false, false],
      ]);
    },
  },
  {
    name: 'a deletion hides the object and keeps its versions',
    async run(c) {
      const version = await c.put('a', 'kept');
      await c.store.delete(c.bucket, 'a');
      await c.store.delete(c.bucket, 'a');
      expect(await c.text('a')).toBeNull();
      expect(await c.store.head(c.bucket, 'a')).toBeNull();
      expect(await c.keys()).toEqual([]);
      expect(await c.text('a', version)).toBe('kept');
      expect((await c.store.versions(c.bucket, 'a')).map(({ deleted }) => deleted)).toEqual([true, false]);
      await c.put('a', 'again');
      expect(await c.text('a')).toBe('again');
    },
  },
  {
    name: 'a version that is removed is gone; the one before it is the latest then',
    async run(c) {
      const first = await c.put('a', 'first');
      const second = await c.put('a', 'second');
      await c.store.deleteVersion(c.bucket, 'a', second);
      await c.store.deleteVersion(c.bucket, 'a', second);
      expect(await c.text('a')).toBe('first');
      expect(await c.text('a', second)).toBeNull();
      await c.store.delete(c.bucket, 'a');
      const marker = (await c.store.versions(c.bucket, 'a')).find(({ deleted }) => deleted)?.version ?? '';
      await c.store.deleteVersion(c.bucket, 'a', marker);
      expect(await c.text('a')).toBe('first');
      await c.store.deleteVersion(c.bucket, 'a', first);
      expect(await c.store.versions(c.bucket, 'a')).toEqual([]);
    },
  },
  {
    name: 'what was never there: null, no versions, nothing to delete',
    async run(c) {
      expect(await c.store.get(c.bucket, 'none')).toBeNull();
      expect(await c.store.head(c.bucket, 'none')).toBeNull();
      expect(await c.store.versions(c.bucket, 'none')).toEqual([]);
      await c.store.delete(c.bucket, 'none');
      expect(await c.store.versions(c.bucket, 'none')).toEqual([]);
      const other = await c.put('a', 'text');
      expect(await c.store.get(c.bucket, 'none', { version: other })).toBeNull();
    },
  },
  {
    name: '10 writers of one key at once: each version is whole',
    async run(c) {
      const contents = Array.from({ length: 10 }, (_, i) => bytesOf(i + 1, 50_000 + i));
      const facts = await Promise.all(contents.map((bytes) => c.store.put(c.bucket, 'a', bytes, plainText)));
      expect((await c.store.versions(c.bucket, 'a')).length).toBe(10);
      for (const [i, { version }] of facts.entries()) {
        const found = await c.store.get(c.bucket, 'a', { version });
        expect(found === null ? null : (await read(found.content)).equals(contents[i] ?? Buffer.alloc(0))).toBe(true);
      }
    },
  },
];

const oddKeys = [
  'a b',
  'a+b',
  'a%2Fb',
  'a&b=c',
  '#hash?',
  "quote'",
  'é',
  '中文/档案.docx',
  '😀',
  'A',
  'a-b',
  'a.b',
  'z',
];

/** Names, lists, buckets. */
const nameCases: readonly ObjectsCase[] = [
  {
    name: 'odd keys are kept apart and listed in the order of their bytes',
    async run(c) {
      for (const key of oddKeys) await c.put(key, key);
      for (const key of oddKeys) expect(await c.text(key)).toBe(key);
      const wanted = oddKeys.toSorted(compareKeys);
      expect(await c.keys()).toEqual(wanted);
      expect(await c.keys('', 3)).toEqual(wanted);
    },
  },
  {
    name: 'a list by prefix, page by page, from any place',
    async run(c) {
      const keys = Array.from({ length: 25 }, (_, i) => `docs/${String(i).padStart(2, '0')}`);
      for (const key of [...keys, 'docs-other', 'doc', 'images/1']) await c.put(key, key);
      expect(await c.keys('docs/', 7)).toEqual(keys);
      expect(await c.keys('nothing')).toEqual([]);
      const page = await c.store.list(c.bucket, 'docs/', 'docs/20x', 2);
      expect(page.objects.map(({ key, size }) => [key, size])).toEqual([
        ['docs/21', 7],
        ['docs/22', 7],
      ]);
      expect(page.next).toBe('docs/22');
      for (const limit of [0, 1.5, 1001]) {
        await expect(c.store.list(c.bucket, '', null, limit)).rejects.toMatchObject({ code: 'invalid_request' });
      }
    },
  },
  {
    name: 'names that could lead elsewhere are refused',
    async run(c) {
      const keys = ['', '/', '/a', 'a/', 'a//b', '.', '..', '../a', 'a/../b', 'a\u0000b', 'a\\b', 'a\nb', '\ud800'];
      for (const key of [...keys, 'x'.repeat(801), 'x'.repeat(201)]) {
        await expect(c.put(key, 'x')).rejects.toMatchObject({ code: 'invalid_request' });
      }
      for (const bucket of ['', 'ab', 'Upper', '..', 'a/b', 'under_score', '-ab', 'x'.repeat(64)]) {
        await expect(c.store.createBucket(bucket)).rejects.toMatchObject({ code: 'invalid_request' });
      }
    },
  },
  {
    name: 'buckets: made twice, listed, apart from each other, removed when empty',
    async run(c) {
      await c.store.createBucket('other');
      await c.store.createBucket('other');
      expect(await c.store.buckets()).toEqual(['other', c.bucket]);
      await c.put('a', 'here');
      expect(await c.store.head('other', 'a')).toBeNull();
      const { version } = await c.store.put('other', 'a', Buffer.from('there'), plainText);
      await expect(c.store.removeBucket('other')).rejects.toMatchObject({ code: 'conflict' });
      await c.store.deleteVersion('other', 'a', version);
      await c.store.removeBucket('other');
      expect(await c.store.buckets()).toEqual([c.bucket]);
      expect(await c.text('a')).toBe('here');
    },
  },
  {
    name: 'a bucket that is not there is not_found',
    async run(c) {
      const calls: readonly ((store: Objects) => Promise<unknown>)[] = [
        (store) => store.put('missing', 'a', Buffer.from('x'), plainText),
        (store) => store.get('missing', 'a'),
        (store) => store.head('missing', 'a'),
        (store) => store.delete('missing', 'a'),
        (store) => store.deleteVersion('missing', 'a', 'v'),
        (store) => store.versions('missing', 'a'),
        (store) => store.list('missing', '', null, 10),
        (store) => store.removeBucket('missing'),
      ];
      for (const call of calls) await expect(call(c.store)).rejects.toMatchObject({ code: 'not_found' });
    },
  },
  {
    name: 'a store opened again has everything; a closed one is store_unavailable',
    async run(c) {
      const version = await c.put('a', 'kept');
      const { store } = c;
      await c.close();
      await store.close();
      await expect(store.head(c.bucket, 'a')).rejects.toMatchObject({ code: 'store_unavailable' });
      expect((await store.health()).ok).toBe(false);
      await c.open();
      expect(await c.text('a', version)).toBe('kept');
      expect((await c.store.health()).ok).toBe(true);
    },
  },
];

/** URLs that carry their permission. */
const linkCases: readonly ObjectsCase[] = [
  {
    name: 'a presigned URL gives the content, of the latest version or of one',
    async run(c) {
      const first = await c.put('folder/a b', 'first');
      await c.put('folder/a b', 'second');
      const latest = await c.store.presignGet(c.bucket, 'folder/a b', 60);
      expect(await c.driver.follow(c.directory, 'GET', latest)).toMatchObject({
        status: 200,
        body: Buffer.from('second'),
      });
      const old = await c.store.presignGet(c.bucket, 'folder/a b', 60, first);
      expect(await c.driver.follow(c.directory, 'GET', old)).toMatchObject({ status: 200, body: Buffer.from('first') });
    },
  },
  {
    name: 'a presigned URL takes a new version',
    async run(c) {
      const url = await c.store.presignPut(c.bucket, 'up/中', 60);
      expect(await c.driver.follow(c.directory, 'PUT', url, Buffer.from('sent'))).toMatchObject({ status: 200 });
      expect(await c.text('up/中')).toBe('sent');
    },
  },
  {
    name: 'a presigned URL that was changed, is used otherwise, or has expired allows nothing',
    async run(c) {
      await c.put('a', 'secret');
      await c.put('b', 'another');
      const url = await c.store.presignGet(c.bucket, 'a', 60);
      const status = async (method: 'GET' | 'PUT', link: string) =>
        (await c.driver.follow(c.directory, method, link, method === 'PUT' ? Buffer.from('x') : undefined)).status;
      expect(await status('PUT', url)).toBe(403);
      expect(await status('GET', url.replace(`${c.bucket}/a?`, `${c.bucket}/b?`))).toBe(403);
      expect(await status('GET', url.replace(/(xpires=)\d+/, '$19999'))).toBe(403);
      const short = await c.store.presignGet(c.bucket, 'a', 1);
      await until(async () => (await status('GET', short)) === 403);
      for (const seconds of [0, -1, 1.5, 604_801]) {
        await expect(c.store.presignGet(c.bucket, 'a', seconds)).rejects.toMatchObject({ code: 'invalid_request' });
      }
    },
  },
];

export const objectsCases: readonly ObjectsCase[] = [...contentCases, ...versionCases, ...nameCases, ...linkCases];
