import { Client } from 'minio';
import { type Door, entered, placeOf, refused, timeoutMs } from './door.ts';

const refusals: ReadonlySet<unknown> = new Set(['AccessDenied', 'InvalidAccessKeyId', 'SignatureDoesNotMatch']);

/** MinIO and S3. Nothing is kept there yet that could be looked for. */
export const minio: Door = {
  async enter({ url }, credentials) {
    const { host, port } = placeOf(url, url.protocol === 'https:' ? 443 : 80);
    const { user: accessKey = '', password: secretKey = '' } = credentials ?? {};
    const client = new Client({ endPoint: host, port, useSSL: url.protocol === 'https:', accessKey, secretKey });
    const late = AbortSignal.timeout(timeoutMs);
    const stop = new Promise<never>((_resolve, reject) => {
      late.addEventListener('abort', () => reject(new Error('no answer in time')), { once: true });
    });
    try {
      const buckets = await Promise.race([client.listBuckets(), stop]);
      return entered(`sees ${buckets.length} buckets`);
    } catch (error) {
      const { code } = error as { code?: unknown };
      if (refusals.has(code)) return refused(String(code));
      throw error;
    }
  },
  identity: async () => null,
  holds: async () => null,
};
