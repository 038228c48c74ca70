import { systemClock, systemRandom } from '@mindora/runtime';
import { openDirectoryObjects } from '@mindora/stores/objects/directory';
import { verifySignedUrl } from '@mindora/stores/objects/signing';
import { read } from '../../src/objects/content.ts';
import type { LinkAnswer, ObjectsDriver } from '../../src/objects/driver.ts';

const signingSecret = 'a secret of the tests';
const clock = systemClock();

function open(directory: string) {
  const baseUrl = 'http://127.0.0.1:8206';
  return openDirectoryObjects({ directory, clock, random: systemRandom(), signingSecret, baseUrl });
}

const refused: LinkAnswer = { status: 403, body: Buffer.alloc(0) };

export const driver: ObjectsDriver = {
  module: new URL(import.meta.url),
  open,
  /** As the gateway will answer. */
  async follow(directory, method, url, body = Buffer.alloc(0)) {
    const allowed = verifySignedUrl(signingSecret, method, url, clock.now());
    if (allowed === null) return refused;
    const { bucket, key, version } = allowed;
    const store = await open(directory);
    try {
      if (method === 'PUT') {
        await store.put(bucket, key, body, { contentType: 'application/octet-stream' });
        return { status: 200, body: Buffer.alloc(0) };
      }
      const found = await store.get(bucket, key, version === null ? {} : { version });
      return found === null ? { ...refused, status: 404 } : { status: 200, body: await read(found.content) };
    } finally {
      await store.close();
    }
  },
};
