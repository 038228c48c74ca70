import { Redis } from 'ioredis';
import {
  type Credentials,
  credentialsOf,
  type Door,
  type Entry,
  entered,
  placeOf,
  recordsMax,
  refused,
  type Target,
  timeoutMs,
} from './door.ts';

const refusal = /^(WRONGPASS|NOAUTH|NOPERM)\b/;

async function within<T>({ url }: Target, who: Credentials | null, work: (client: Redis) => Promise<T>): Promise<T> {
  const { host, port } = placeOf(url, 6379);
  const client = new Redis({
    host,
    port,
    ...(url.protocol === 'rediss:' ? { tls: {} } : {}),
    lazyConnect: true,
    // Who isn't let in gets no such answer, and would wait for it.
    enableReadyCheck: false,
    connectTimeout: timeoutMs,
    commandTimeout: timeoutMs,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    if (who !== null) await client.call('AUTH', ...(who.user === '' ? [] : [who.user]), who.password);
    return await work(client);
  } finally {
    client.disconnect();
  }
}

/** The victim's databases: those of its manifest, and the one of its address. */
function databasesOf({ url, redisDatabases }: Target): number[] {
  return [...new Set([Number(url.pathname.slice(1) || 0), ...redisDatabases])];
}

/** Looks for a key of the victim's that isn't there, and deletes it: both need rights, and neither changes anything. */
async function useDatabase(client: Redis, number: number, namespace: string): Promise<string | null> {
  try {
    await client.select(number);
    const key = `${namespace}value:isolation-nobody`;
    await client.exists(key);
    await client.del(key);
    return null;
  } catch (error) {
    const { message } = error as Error;
    if (refusal.test(message)) return message.split(' ')[0] ?? '';
    throw error;
  }
}

async function useAll(client: Redis, target: Target): Promise<Entry> {
  const answers = new Map<number, string | null>();
  for (const number of databasesOf(target)) answers.set(number, await useDatabase(client, number, target.namespace));
  const open = [...answers].filter(([, answer]) => answer === null).map(([number]) => number);
  if (open.length > 0) return entered(`reads and deletes keys of databases ${open.join(', ')}`);
  return refused([...new Set(answers.values())].join(', '));
}

/** Redis. Its accounts know no databases, only names of keys: on one server these would have to keep versions apart. */
export const redis: Door = {
  async enter(target, credentials) {
    try {
      return await within(target, credentials, (client) => useAll(client, target));
    } catch (error) {
      const { message } = error as Error;
      if (refusal.test(message)) return refused(message.split(' ')[0] ?? '');
      throw error;
    }
  },
  identity: (target) =>
    within(target, credentialsOf(target.url), async (client) => {
      return /run_id:(\w+)/.exec(await client.info('server'))?.[1] ?? null;
    }),
  holds: (target, words) =>
    within(target, credentialsOf(target.url), async (client) => {
      for (const number of databasesOf(target)) {
        await client.select(number);
        if (await databaseHolds(client, words)) return true;
      }
      return false;
    }),
};

async function databaseHolds(client: Redis, words: readonly string[]): Promise<boolean> {
  const has = (text: string): boolean => words.some((word) => text.includes(word));
  let cursor = '0';
  for (let seen = 0; seen < recordsMax; ) {
    const [next, keys] = await client.scan(cursor, 'COUNT', 1000);
    seen += keys.length;
    for (const key of keys) if (has(key) || has(await contentOf(client, key))) return true;
    if (next === '0') return false;
    cursor = next;
  }
  return false;
}

async function contentOf(client: Redis, key: string): Promise<string> {
  const type = await client.type(key);
  if (type === 'string') return (await client.get(key)) ?? '';
  return type === 'hash' ? JSON.stringify(await client.hgetall(key)) : '';
}
