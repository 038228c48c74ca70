import { createCipheriv, createDecipheriv, createHash } from 'node:crypto';
import type { Random } from './clock.ts';
import { Secret } from './secret.ts';

const keyPrefix = 'mk_';
const keyPattern = /^mk_[\w-]{43}$/;

/** A new API key: 256 random bits, shown once; only the hash is stored. */
export function newApiKey(random: Random): { readonly key: string; readonly hash: string } {
  const key = keyPrefix + random.bytes(32).toString('base64url');
  return { key, hash: hashApiKey(key) };
}

/** What an API key is looked up by: its SHA-256 as 64 hexadecimal digits (the key itself is random, so no salt). */
export function hashApiKey(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}

/** Whether a text has the form of an API key. */
export function isApiKey(text: string): boolean {
  return keyPattern.test(text);
}

const format = 'g1';
const nonceLength = 12;
const tagLength = 16;

/**
 * Encrypts a secret with AES-256-GCM as `g1.NONCE.CIPHERTEXT_AND_TAG`. `purpose` (e.g. `ai_service_config/ID`) is
 * bound to it: the text decrypts in no other place.
 *
 * @param masterKey 32 bytes
 */
export function encryptSecret(secret: Secret, masterKey: Buffer, purpose: string, random: Random): string {
  const nonce = random.bytes(nonceLength);
  const cipher = createCipheriv('aes-256-gcm', masterKey, nonce).setAAD(Buffer.from(purpose));
  const sealed = Buffer.concat([cipher.update(secret.reveal(), 'utf8'), cipher.final(), cipher.getAuthTag()]);
  return [format, nonce.toString('base64url'), sealed.toString('base64url')].join('.');
}

/** The inverse of {@link encryptSecret}. @throws Error where key, purpose or text are not the same */
export function decryptSecret(text: string, masterKey: Buffer, purpose: string): Secret {
  const [kind, nonceText = '', sealedText = ''] = text.split('.');
  const nonce = Buffer.from(nonceText, 'base64url');
  const sealed = Buffer.from(sealedText, 'base64url');
  if (kind !== format || nonce.length !== nonceLength || sealed.length < tagLength) {
    throw new Error('not an encrypted secret');
  }
  const decipher = createDecipheriv('aes-256-gcm', masterKey, nonce, { authTagLength: tagLength });
  decipher.setAAD(Buffer.from(purpose)).setAuthTag(sealed.subarray(-tagLength));
  return new Secret(decipher.update(sealed.subarray(0, -tagLength), undefined, 'utf8') + decipher.final('utf8'));
}
