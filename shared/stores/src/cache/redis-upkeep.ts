/** Looking after the keys of the cache: what lies there without a line, orders that don't match, emptying. */
import { type Clock, MindoraError } from '@mindora/runtime';
import { isReply, type RedisClient } from './redis-connection.ts';
import { cachedEntities, type RedisKeys, wholeField } from './redis-keys.ts';

/** Keys or fields of one step; a step is a short moment for a server that does one thing at a time. */
const perStep = 500;
const scrubMsMax = 30_000;
const scrubPollMs = 20;

interface Scope {
  readonly client: RedisClient;
  readonly keys: RedisKeys;
}

/** Makes the orders match the lines, and notes contents that lie there without a line where nobody looked yet. */
export async function makeWhole(scope: Scope): Promise<void> {
  const { client, keys } = scope;
  const answer = await client.cacheGauge(keys.state, keys.due, keys.namespace, ...cachedEntities);
  const [lines, ordered, due, whole] = answer as [number, number, number, number];
  if (lines !== ordered || lines !== due) await reindex(scope);
  if (whole === 0) await noteStrays(scope);
}

/** Looks at every content of the namespace; those that sync did not write get a line that says so. */
export async function noteStrays(scope: Scope): Promise<void> {
  const { client, keys } = scope;
  for (const entity of cachedEntities) {
    for await (const found of client.scanStream({ match: keys.pattern(`${entity}:`), count: perStep })) {
      const fields = (found as string[]).map((key) => key.slice(keys.namespace.length));
      if (fields.length > 0) await client.cacheStray(keys.state, keys.due, keys.namespace, ...fields);
    }
  }
  await client.hset(keys.state, wholeField, '1');
}

/** Page by page, so that writes come in between; each script sees a line and its order at one moment. */
async function reindex(scope: Scope): Promise<void> {
  const { client, keys } = scope;
  const put = async (fields: readonly string[]): Promise<void> => {
    if (fields.length > 0) await client.cacheReindex(keys.state, keys.due, keys.namespace, ...fields);
  };
  for await (const pairs of client.hscanStream(keys.state, { count: perStep })) {
    await put((pairs as string[]).filter((field, i) => i % 2 === 0 && !field.startsWith('@')));
  }
  for await (const pairs of client.zscanStream(keys.due, { count: perStep })) await put(members(pairs));
  for (const entity of cachedEntities) {
    for await (const pairs of client.zscanStream(keys.order(entity), { count: perStep })) {
      await put(members(pairs).map((id) => `${entity}:${id}`));
    }
  }
}

function members(pairs: unknown): string[] {
  return (pairs as string[]).filter((_, i) => i % 2 === 0);
}

/** Removes all keys of the namespace, and no others; what sync notes first: without it nothing else counts. */
export async function removeAll({ client, keys }: Scope): Promise<void> {
  await client.unlink(keys.state, keys.due, ...cachedEntities.map((entity) => keys.order(entity)));
  const { prefixes } = keys;
  for await (const found of client.scanStream({ match: keys.pattern(), count: perStep })) {
    const own = (found as string[]).filter((key) => prefixes.some((prefix) => key.startsWith(prefix)));
    if (own.length > 0) await client.unlink(...own);
  }
}

/** Lets the server write its files anew, without what was deleted, as far as it has files and lets us ask for it. */
export async function rewriteFiles(client: RedisClient, clock: Clock): Promise<void> {
  const before = await persistence(client);
  if (before.aof_enabled === '1') await asked(client.bgrewriteaof());
  if ((await configured(client, 'save')) !== '') await asked(client.bgsave('SCHEDULE'));
  const endsAt = clock.now() + scrubMsMax;
  const busy = ['aof_rewrite_in_progress', 'aof_rewrite_scheduled', 'rdb_bgsave_in_progress'];
  while (busy.some((flag) => before[flag] !== undefined)) {
    const now = await persistence(client);
    if (busy.every((flag) => now[flag] !== '1')) return;
    if (clock.now() > endsAt) throw new MindoraError('store_unavailable', 'cache did not rewrite its files in time');
    await clock.sleep(scrubPollMs);
  }
}

/** A server that doesn't take a command, or is at it already, goes its own way. */
async function asked(command: Promise<unknown>): Promise<void> {
  await command.catch((error: unknown) => {
    if (!isReply(error)) throw error;
  });
}

async function persistence(client: RedisClient): Promise<Record<string, string>> {
  const text = await client.info('persistence');
  return Object.fromEntries([...text.matchAll(/^(\w+):(.*?)\r?$/gm)].map(([, name = '', value = '']) => [name, value]));
}

/** A setting; '' where it is empty, or the server doesn't tell. */
async function configured(client: RedisClient, name: string): Promise<string> {
  try {
    const [, value = ''] = (await client.config('GET', name)) as string[];
    return value;
  } catch (error) {
    if (isReply(error)) return '';
    throw error;
  }
}

/** Settings with which what services keep is lost in a crash; records come again from the primary. */
export async function weakSettingsOf(client: RedisClient): Promise<string[]> {
  const weak: string[] = [];
  const { aof_enabled: enabled } = await persistence(client);
  if (enabled !== '1')
    weak.push('appendonly is no: a crash loses what was written since the last snapshot; set it to yes');
  if ((await configured(client, 'appendfsync')) === 'no') {
    weak.push('appendfsync is no: a power failure loses what the system had not written; set it to everysec');
  }
  return weak;
}
