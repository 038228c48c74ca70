/** What every engine of objects asks of names and numbers. Errors name the rule, never the value. */
import { MindoraError } from '@mindora/runtime';
import type { ByteRange, PutOptions } from './port.ts';

const bucketName = /^[a-z0-9](?:[a-z0-9-]{1,61})[a-z0-9]$/;
const mediaType = /^[\w!#$&^.+-]{1,100}\/[\w!#$&^.+-]{1,100}(?:; ?[\w-]{1,40}="?[\w.+-]{1,60}"?){0,4}$/;
const keyBytesMax = 800;
const segmentBytesMax = 200;
const metadataCharactersMax = 1_000;
const expiresInSecondsMax = 7 * 24 * 60 * 60;
const listLimitMax = 1_000;

function demand(holds: boolean, rule: string): asserts holds {
  if (!holds) throw new MindoraError('invalid_request', rule);
}

/** @throws MindoraError `invalid_request` */
export function assertBucket(bucket: string): void {
  demand(bucketName.test(bucket), 'a bucket is 3 to 63 lower-case letters, digits and hyphens');
}

/** @throws MindoraError `invalid_request` */
export function assertKey(key: string): void {
  demand(key.isWellFormed() && Buffer.byteLength(key) <= keyBytesMax, `a key is a text of up to ${keyBytesMax} bytes`);
  demand(!hasControls(key) && !key.includes('\\'), 'a key has neither control characters nor backslashes');
  for (const segment of key.split('/')) {
    const isName = segment !== '' && segment !== '.' && segment !== '..';
    const rule = `between its slashes a key has names of up to ${segmentBytesMax} bytes`;
    demand(isName && Buffer.byteLength(segment) <= segmentBytesMax, rule);
  }
}

function hasControls(text: string): boolean {
  return /\p{Cc}/u.test(text);
}

/** @throws MindoraError `invalid_request` */
export function assertPut({ contentType, metadata = {}, sha256 }: PutOptions): void {
  demand(mediaType.test(contentType), 'the content type is no media type');
  demand(sha256 === undefined || /^[0-9a-f]{64}$/.test(sha256), 'the SHA-256 is 64 hexadecimal digits in lower case');
  const isText = Object.entries(metadata).every(([name, value]) => typeof value === 'string' && name.isWellFormed());
  const length = JSON.stringify(metadata).length;
  demand(isText && length <= metadataCharactersMax, `metadata are texts, ${metadataCharactersMax} characters together`);
}

/** @throws MindoraError `invalid_request` where it is none, or begins beyond the end */
export function assertRange({ start, length }: ByteRange, size: number): void {
  const isRange = Number.isSafeInteger(start) && Number.isSafeInteger(length) && start >= 0 && length >= 1;
  demand(isRange && start < size, 'the range does not lie in the object');
}

/** @throws MindoraError `invalid_request` */
export function assertListLimit(limit: number): void {
  demand(
    Number.isSafeInteger(limit) && limit >= 1 && limit <= listLimitMax,
    `limit must be an integer of 1 to ${listLimitMax}`,
  );
}

/** @throws MindoraError `invalid_request` */
export function assertExpiry(seconds: number): void {
  const isValid = Number.isSafeInteger(seconds) && seconds >= 1 && seconds <= expiresInSecondsMax;
  demand(isValid, `a link is valid for 1 to ${expiresInSecondsMax} seconds`);
}

/** @throws MindoraError `invalid_request` */
export function assertHash(found: string, expected: string | undefined): void {
  demand(expected === undefined || found === expected, 'the content has another SHA-256 than was said');
}

/** The answer where a bucket isn't there. */
export function noBucket(): MindoraError {
  return new MindoraError('not_found', 'there is no such bucket');
}

/** The answer where a bucket that is to be removed holds something. */
export function notEmpty(): MindoraError {
  return new MindoraError('conflict', 'the bucket is not empty');
}
