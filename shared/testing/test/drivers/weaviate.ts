import { createHash } from 'node:crypto';
import { decodeVector } from '@mindora/contracts';
import type { VectorStore } from '@mindora/stores';
import { createStore } from '@mindora/stores/create';
import { WeaviateClass } from '@mindora/stores/vectors/weaviate-class';
import { parseWeaviateUrl, WeaviateConnection } from '@mindora/stores/vectors/weaviate-connection';
import { objectUuid } from '@mindora/stores/vectors/weaviate-documents';
import {
  classPrefix,
  contentClassName,
  versionProperty,
  WeaviateSchema,
} from '@mindora/stores/vectors/weaviate-schema';
import { sharedEngine } from '../../src/engines/index.ts';
import type { TargetDriver } from '../../src/target/driver.ts';
import { sampleDimensions } from '../../src/target/sample.ts';

/** Each directory has classes of its own on the one server. */
export function namespaceOf(directory: string): string {
  return `T${createHash('sha256').update(directory).digest('hex').slice(0, 12)}_`;
}

export async function serverUrl(): Promise<string> {
  return (await sharedEngine('weaviate')).url;
}

/** Classes are dear: those of the directory before go when another is opened. */
let opened: string | null = null;

async function forget(namespace: string): Promise<void> {
  const connection = new WeaviateConnection(parseWeaviateUrl(await serverUrl()));
  await new WeaviateSchema(connection, classPrefix(namespace), sampleDimensions).drop();
  connection.close();
}

export const driver: TargetDriver = {
  module: new URL(import.meta.url),
  async open(role, directory) {
    const namespace = namespaceOf(directory);
    if (opened !== null && opened !== namespace) await forget(opened);
    opened = namespace;
    const connection = { url: await serverUrl(), namespace };
    return createStore(role, { directory, dimensions: sampleDimensions, connection });
  },
  async sees(target, item) {
    const vector = decodeVector(String(item.document?.vector));
    const query = { entity: 'conversation', vector, limit: 10, userId: item.owner } as const;
    return (await (target as VectorStore).nearest(query)).some(({ id }) => id === item.id);
  },
  async tamper(_role, directory, { entity, id }) {
    const connection = new WeaviateConnection(parseWeaviateUrl(await serverUrl()));
    const name = contentClassName(classPrefix(namespaceOf(directory)), entity);
    const objects = new WeaviateClass(connection, name);
    const uuid = objectUuid(entity, id);
    const { properties, vector } = (await objects.get([uuid], { properties: null, vector: true })).get(uuid) ?? {};
    const rest = Object.entries(properties ?? {}).filter(([property]) => property !== versionProperty);
    const plain = rest.map(([field, value]) => [field, value instanceof Date ? value.toISOString() : value]);
    await objects.put([{ id: uuid, properties: Object.fromEntries(plain), vector: Float32Array.from(vector ?? []) }]);
    connection.close();
  },
};
