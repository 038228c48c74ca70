import { createSecretKey } from 'node:crypto';
import { jwtVerify, SignJWT } from 'jose';
import type { Clock } from './clock.ts';
import { MindoraError } from './errors.ts';
import type { Secret } from './secret.ts';

/** Seconds that a token is good for. */
export const tokenLifetimeS = 3600;

export interface Tokens {
  readonly lifetimeS: number;
  /** A JWT (HS256) that says who, and nothing of roles: those are looked up at each request. */
  sign(userId: string): Promise<string>;
  /** The user that a token names. @throws MindoraError `unauthenticated` */
  verify(token: string): Promise<string>;
}

export interface TokenOptions {
  /** At least 32 bytes. */
  readonly secret: Secret;
  /** The version: a token of another one is refused (rule 17). */
  readonly issuer: string;
  readonly clock: Clock;
  readonly lifetimeS?: number;
}

/** Makes and checks login tokens. */
export function createTokens(options: TokenOptions): Tokens {
  const secret = Buffer.from(options.secret.reveal());
  if (secret.length < 32) throw new Error('the secret of login tokens has less than 32 bytes');
  // The library imports a plain array anew each time, a key object once.
  const key = createSecretKey(secret);
  const lifetimeS = options.lifetimeS ?? tokenLifetimeS;
  const { issuer, clock } = options;
  const audience = 'mindora';
  return {
    lifetimeS,
    sign(userId) {
      const issuedAt = Math.floor(clock.now() / 1000);
      return new SignJWT()
        .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
        .setSubject(userId)
        .setIssuer(issuer)
        .setAudience(audience)
        .setIssuedAt(issuedAt)
        .setExpirationTime(issuedAt + lifetimeS)
        .sign(key);
    },
    async verify(token) {
      const currentDate = new Date(clock.now());
      const checks = { algorithms: ['HS256'], issuer, audience, currentDate, requiredClaims: ['sub', 'exp'] };
      const verified = await jwtVerify(token, key, checks).catch((cause: unknown) => {
        throw new MindoraError('unauthenticated', 'the token is not valid or has expired', { cause });
      });
      return String(verified.payload.sub);
    },
  };
}
