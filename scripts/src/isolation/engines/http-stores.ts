/** Engines that are asked over HTTP: Elasticsearch and Weaviate. */
import {
  type Credentials,
  credentialsOf,
  type Door,
  type Entry,
  entered,
  refused,
  type Target,
  timeoutMs,
} from './door.ts';

type HeaderOf = (credentials: Credentials) => string;

const basic: HeaderOf = ({ user, password }) => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
const bearer: HeaderOf = ({ password }) => `Bearer ${password}`;

async function ask({ url }: Target, path: string, authorization: string | null): Promise<Response> {
  const headers: Record<string, string> = authorization === null ? {} : { authorization };
  return fetch(`${url.protocol}//${url.host}${path}`, { headers, signal: AbortSignal.timeout(timeoutMs) });
}

async function enterBy(target: Target, path: string, authorization: string | null): Promise<Entry> {
  const response = await ask(target, path, authorization);
  await response.body?.cancel();
  if (response.status === 401 || response.status === 403) return refused(String(response.status));
  if (response.status === 200) return entered('200');
  throw new Error(`answers ${response.status}`);
}

function ownHeader({ url }: Target, headerOf: HeaderOf): string | null {
  const credentials = credentialsOf(url);
  return credentials === null ? null : headerOf(credentials);
}

async function json(target: Target, path: string, headerOf: HeaderOf): Promise<Record<string, unknown>> {
  const response = await ask(target, path, ownHeader(target, headerOf));
  if (response.status !== 200) throw new Error(`answers ${response.status}`);
  return (await response.json()) as Record<string, unknown>;
}

const header = (credentials: Credentials | null, headerOf: HeaderOf): string | null => {
  return credentials === null ? null : headerOf(credentials);
};

/** Elasticsearch. */
export const elasticsearch: Door = {
  enter: (target, credentials) => enterBy(target, '/_cat/indices?format=json', header(credentials, basic)),
  identity: async (target) => String((await json(target, '/_cluster/state/version', basic)).cluster_uuid ?? '') || null,
  async holds(target, words) {
    for (const word of words) {
      const query = `size=0&track_total_hits=1&expand_wildcards=all&q=${encodeURIComponent(`"${word}"`)}`;
      const { hits } = await json(target, `/_search?${query}`, basic);
      if (Number((hits as { total?: { value?: number } }).total?.value ?? 0) > 0) return true;
    }
    return false;
  },
};

const classesMax = 50;
const objectsMax = 1000;

/** Weaviate. It says nothing that tells it from another one. */
export const weaviate: Door = {
  enter: (target, credentials) => enterBy(target, '/v1/schema', header(credentials, bearer)),
  identity: async () => null,
  async holds(target, words) {
    const { classes } = (await json(target, '/v1/schema', bearer)) as { classes?: { class: string }[] };
    for (const { class: name } of (classes ?? []).slice(0, classesMax)) {
      const text = JSON.stringify(await json(target, `/v1/objects?class=${name}&limit=${objectsMax}`, bearer));
      if (words.some((word) => text.includes(word))) return true;
    }
    return false;
  },
};
