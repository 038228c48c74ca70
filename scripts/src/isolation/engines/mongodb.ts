import { MongoClient } from 'mongodb';
import {
  type Credentials,
  credentialsOf,
  type Door,
  entered,
  refused,
  type Target,
  tablesMax,
  timeoutMs,
} from './door.ts';

/** Unauthorized, AuthenticationFailed, UserNotFound. */
const refusals: ReadonlySet<unknown> = new Set([11, 13, 18]);
const documentsMax = 5000;

/** @param source the database that knows the account; left out: as the address says */
async function within<T>(
  { url }: Target,
  who: Credentials | null,
  source: string | undefined,
  work: (client: MongoClient, database: string) => Promise<T>,
): Promise<T> {
  const address = new URL(url);
  const database = decodeURIComponent(url.pathname.slice(1));
  address.username = encodeURIComponent(who?.user ?? '');
  address.password = encodeURIComponent(who?.password ?? '');
  if (who === null) address.searchParams.delete('authSource');
  else if (source !== undefined) address.searchParams.set('authSource', source);
  const times = { serverSelectionTimeoutMS: timeoutMs, connectTimeoutMS: timeoutMs, socketTimeoutMS: timeoutMs };
  const client = new MongoClient(address.toString(), { ...times, maxPoolSize: 1 });
  try {
    return await work(client, database);
  } finally {
    await client.close();
  }
}

/** MongoDB. Accounts belong to a database: they are tried where they come from as well as at the victim's. */
export const mongodb: Door = {
  async enter(target, credentials) {
    const own = credentials?.database;
    const sources = [undefined, ...(own === undefined ? [] : [own])];
    let answer = '';
    for (const source of sources) {
      try {
        return await within(target, credentials, source, async (client, database) => {
          const found = await client.db(database).listCollections().toArray();
          return entered(`connected, sees ${found.length} collections`);
        });
      } catch (error) {
        const { code, codeName } = error as { code?: unknown; codeName?: string };
        if (!refusals.has(code)) throw error;
        answer = codeName ?? String(code);
      }
    }
    return refused(answer);
  },
  identity: (target) =>
    within(target, credentialsOf(target.url), undefined, async (client) => {
      const hello = await client.db('admin').command({ hello: 1 });
      const { processId } = (hello.topologyVersion ?? {}) as { processId?: { toString(): string } };
      return processId?.toString() ?? null;
    }),
  holds: (target, words) =>
    within(target, credentialsOf(target.url), undefined, async (client, database) => {
      const collections = await client.db(database).listCollections().toArray();
      for (const { name } of collections.slice(0, tablesMax)) {
        for await (const document of client.db(database).collection(name).find().limit(documentsMax)) {
          const text = JSON.stringify(document);
          if (words.some((word) => text.includes(word))) return true;
        }
      }
      return false;
    }),
};
