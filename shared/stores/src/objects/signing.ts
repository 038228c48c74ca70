/** URLs of the directory engine that carry their own permission, for the gateway to honour. */
import { createHmac, timingSafeEqual } from 'node:crypto';

export type LinkMethod = 'GET' | 'PUT';

/** What a URL allows. */
export interface Permission {
  readonly method: LinkMethod;
  readonly bucket: string;
  readonly key: string;
  /** Null: the latest. */
  readonly version: string | null;
  /** Seconds since 1970. */
  readonly expiresAt: number;
}

/** Where the gateway answers such URLs. */
const folder = '/objects/';

/** A URL below `base` (without a slash at its end) that allows what is said until it expires. */
export function signedUrl(base: string, secret: string, permission: Permission): string {
  const { bucket, key, version, expiresAt } = permission;
  const path = [bucket, ...key.split('/')].map(encodeURIComponent).join('/');
  const query = new URLSearchParams({ expires: String(expiresAt) });
  if (version !== null) query.set('version', version);
  query.set('signature', signatureOf(secret, permission).toString('base64url'));
  return `${base}${folder}${path}?${query}`;
}

/**
 * What a URL allows that somebody brings; null where it isn't ours, was changed or has expired.
 *
 * @param url path and query are looked at, not the host
 */
export function verifySignedUrl(secret: string, method: string, url: string, now: number): Permission | null {
  const parsed = readUrl(method, url);
  if (parsed === null || parsed.permission.expiresAt * 1000 <= now) return null;
  const wanted = signatureOf(secret, parsed.permission);
  return wanted.length === parsed.signature.length && timingSafeEqual(wanted, parsed.signature)
    ? parsed.permission
    : null;
}

function readUrl(method: string, url: string): { permission: Permission; signature: Buffer } | null {
  const base = 'http://localhost';
  if ((method !== 'GET' && method !== 'PUT') || !URL.canParse(url, base)) return null;
  const { pathname, searchParams } = new URL(url, base);
  const names = namesIn(pathname);
  if (names === null) return null;
  const [bucket = '', ...segments] = names;
  const expiresAt = Number(searchParams.get('expires'));
  const version = searchParams.get('version');
  const signature = Buffer.from(searchParams.get('signature') ?? '', 'base64url');
  return { permission: { method, bucket, key: segments.join('/'), version, expiresAt }, signature };
}

function namesIn(path: string): string[] | null {
  const at = path.indexOf(folder);
  if (at < 0) return null;
  try {
    return path
      .slice(at + folder.length)
      .split('/')
      .map(decodeURIComponent);
  } catch (error) {
    if (error instanceof URIError) return null;
    throw error;
  }
}

/** Each part is on a line of its own, in which no line can hide: keys have no control characters. */
function signatureOf(secret: string, { method, bucket, key, version, expiresAt }: Permission): Buffer {
  const text = [method, bucket, key, version ?? '', expiresAt].join('\n');
  return createHmac('sha256', secret).update(text).digest();
}
