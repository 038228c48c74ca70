import { createHash } from 'node:crypto';
import { documentOf, type Role } from '@mindora/contracts';
import { systemClock } from '@mindora/runtime';
import type { FullTextStore, Target } from '@mindora/stores';
import { openElasticFullText } from '@mindora/stores/fulltext/elasticsearch';
import { sharedEngine } from '../../src/engines/index.ts';
import type { TargetDriver } from '../../src/target/driver.ts';

/** Namespaces that this process opened: only the last stays, for each has indices that take memory. */
let last: string | null = null;

/** The namespace that stands for a directory. */
export function namespaceOf(directory: string): string {
  return `test_${createHash('sha256').update(directory).digest('hex').slice(0, 12)}_`;
}

/** A request without the client, as an operator would send it. */
export async function ask(method: string, path: string, body?: object): Promise<unknown> {
  const { url } = await sharedEngine('elasticsearch');
  const response = await fetch(new URL(path, url), {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(30_000),
  });
  if (!response.ok && response.status !== 404) throw new Error(`${method} ${path}: ${response.status}`);
  return response.json();
}

/** Opens the store of a directory, and removes the indices of the one before. */
export async function openElastic(directory: string): Promise<FullTextStore> {
  const namespace = namespaceOf(directory);
  if (last !== null && last !== namespace) await dropAll(last);
  last = namespace;
  const { url } = await sharedEngine('elasticsearch');
  return openElasticFullText({ connection: { url, namespace }, clock: systemClock() });
}

async function dropAll(namespace: string): Promise<void> {
  const names = ['ai_conversations', 'ai_analysis', 'fulltext_state'].map((name) => namespace + name);
  await ask('DELETE', `/${names.join(',')}?ignore_unavailable=true`);
}

export const driver: TargetDriver = {
  module: new URL(import.meta.url),
  open: (_role: Role, directory): Promise<Target> => openElastic(directory),
  async sees(target, item) {
    const filters = { userId: item.owner, analysisType: null, limit: 100, after: null };
    const query = { entity: 'conversation', query: `text${item.version} 数据库`, sort: 'relevance' } as const;
    const { hits } = await (target as FullTextStore).search({ ...query, ...filters });
    return hits.some(({ document }) => document.conversation_id === item.id);
  },
  async tamper(_role, directory, item) {
    const { collection } = documentOf('fulltext', item.entity);
    const path = `/${namespaceOf(directory)}${collection}/_doc/${encodeURIComponent(item.id)}`;
    await ask('PUT', `${path}?refresh=true`, item.document ?? {});
  },
};
