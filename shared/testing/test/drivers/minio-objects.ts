import { createHash } from 'node:crypto';
import { systemRandom } from '@mindora/runtime';
import { openMinioObjects } from '@mindora/stores/objects/minio';
import { sharedEngine } from '../../src/engines/index.ts';
import type { ObjectsDriver } from '../../src/objects/driver.ts';

export const driver: ObjectsDriver = {
  module: new URL(import.meta.url),
  /** Each directory has buckets of its own on the one server. */
  async open(directory) {
    const namespace = `t${createHash('sha256').update(directory).digest('hex').slice(0, 12)}_`;
    const { url } = await sharedEngine('minio');
    return openMinioObjects({ url, namespace }, { random: systemRandom(), spoolDirectory: directory });
  },
  async follow(_directory, method, url, body) {
    const response = await fetch(url, { method, ...(body === undefined ? {} : { body }) });
    return { status: response.status, body: Buffer.from(await response.arrayBuffer()) };
  },
};
