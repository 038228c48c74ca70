import { auth, type Driver, driver } from 'neo4j-driver';
import { type Credentials, credentialsOf, type Door, entered, refused, type Target, timeoutMs } from './door.ts';

/** It locks an account for seconds after three wrong passwords: that says nothing, and is no refusal. */
const refusals: ReadonlySet<unknown> = new Set([
  'Neo.ClientError.Security.Unauthorized',
  'Neo.ClientError.Security.Forbidden',
  'Neo.ClientError.Security.AuthorizationExpired',
]);

async function within<T>({ url }: Target, who: Credentials | null, work: (client: Driver) => Promise<T>): Promise<T> {
  const token = who === null ? undefined : auth.basic(who.user, who.password);
  // Straight to this server: a routing address would ask it for others.
  const address = `bolt${url.protocol.endsWith('+s:') ? '+s' : ''}://${url.host}`;
  const client = driver(address, token, {
    connectionTimeout: timeoutMs,
    connectionAcquisitionTimeout: timeoutMs,
    maxTransactionRetryTime: 0,
  });
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}

async function first(client: Driver, { url }: Target, query: string, values: object = {}): Promise<unknown> {
  const database = decodeURIComponent(url.pathname.slice(1));
  const session = client.session({ defaultAccessMode: 'READ', ...(database === '' ? {} : { database }) });
  try {
    const { records } = await session.run(query, values, { timeout: timeoutMs });
    return records[0]?.get(0);
  } finally {
    await session.close();
  }
}

/** Neo4j. */
export const neo4j: Door = {
  async enter(target, credentials) {
    try {
      return await within(target, credentials, async (client) => {
        return entered(`connected, sees ${String(await first(client, target, 'MATCH (n) RETURN count(n)'))} nodes`);
      });
    } catch (error) {
      const { code } = error as { code?: unknown };
      if (refusals.has(code)) return refused(String(code).split('.').at(-1) ?? '');
      throw error;
    }
  },
  identity: (target) =>
    within(target, credentialsOf(target.url), async (client) => {
      return String((await first(client, target, 'CALL db.info() YIELD id RETURN id')) ?? '') || null;
    }),
  holds: (target, words) =>
    within(target, credentialsOf(target.url), async (client) => {
      const holds = 'any(k IN keys(n) WHERE any(w IN $words WHERE toStringOrNull(n[k]) CONTAINS w))';
      const count = await first(client, target, `MATCH (n) WHERE ${holds} RETURN count(n)`, { words: [...words] });
      return Number(count ?? 0) > 0;
    }),
};
