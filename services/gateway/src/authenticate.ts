import type { IncomingHttpHeaders } from 'node:http';
import type { Principal } from '@mindora/contracts';
import { type Clock, hashApiKey, isApiKey, MindoraError, type Tokens } from '@mindora/runtime';
import type { Ask } from './ask.ts';
import { createCache } from './cache.ts';
import { createLastKnown } from './last-known.ts';

const principalsMax = 10_000;
const credentialLengthMax = 4096;

/** What a request shows: `Authorization: Bearer KEY_OR_TOKEN`, or `X-API-Key: KEY`. Null where it shows nothing. */
export function credentialOf(headers: IncomingHttpHeaders): string | null {
  const { authorization } = headers;
  if (authorization !== undefined) {
    const [, credential] = /^bearer +([\w.~+/=-]+)$/i.exec(authorization) ?? [];
    return bounded(credential ?? '');
  }
  const key = headers['x-api-key'];
  return typeof key === 'string' ? bounded(key) : null;
}

function bounded(credential: string): string {
  return credential.length <= credentialLengthMax ? credential : '';
}

/**
 * Finds who a credential belongs to. The identity service is asked at most every `cacheMs` for each credential, so
 * that is how long a revoked key or a suspended user may go on, where another gateway or a person in the database's
 * shell has done it.
 */
export function createAuthenticator(ask: Ask, tokens: Tokens, clock: Clock, cacheMs: number) {
  const cached = createCache<Principal | null>(clock, cacheMs, principalsMax);
  const lastKnown = createLastKnown(clock, principalsMax);
  const find = (name: string, lookUp: () => Promise<Principal | null>): Promise<Principal | null> =>
    cached.get(name, () => lastKnown.orKnown(name, lookUp));
  const load = async (credential: string, requestId: string): Promise<Principal | null> => {
    if (isApiKey(credential)) {
      const hash = hashApiKey(credential);
      return await find(`key:${hash}`, () => ask('identity.authenticateKey', { hash }, requestId));
    }
    const userId = await tokens.verify(credential);
    return await find(`user:${userId}`, () => ask('identity.principal', { userId }, requestId));
  };
  /** @throws MindoraError `unauthenticated` */
  const authenticate = async (credential: string | null, requestId: string): Promise<Principal> => {
    if (credential === null) throw new MindoraError('unauthenticated');
    const principal = await load(credential, requestId);
    if (principal === null) throw new MindoraError('unauthenticated', 'the key or token is not valid any more');
    return principal;
  };
  const forget = (): void => {
    cached.clear();
    lastKnown.forget();
  };
  return { authenticate, forget };
}
