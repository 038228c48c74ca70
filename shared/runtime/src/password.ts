import { type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';
import { type Random, systemRandom } from './clock.ts';
import { MindoraError } from './errors.ts';

/** Cost of scrypt: N = 2^costLog2, with block size and parallelism. */
export interface ScryptCost {
  readonly costLog2: number;
  readonly blockSize: number;
  readonly parallelism: number;
}

/** OWASP's equal of 2^17/8/1 at a quarter of its memory: 32 MB, some 200 ms. */
export const scryptCost: ScryptCost = { costLog2: 15, blockSize: 8, parallelism: 3 };

const keyLength = 32;
const saltLength = 16;

export interface Passwords {
  /** `$scrypt$ln=15,r=8,p=3$SALT$KEY`, at most 255 characters. */
  hash(password: string): Promise<string>;
  /**
   * Whether the password is the hash's. A hash of null (no such user, no password set) answers false after the same
   * work, so that the time doesn't tell which users there are.
   */
  verify(password: string, hash: string | null): Promise<boolean>;
  /** The hash was made with other costs than today's: hash again at the next successful login. */
  outdated(hash: string): boolean;
}

export interface PasswordOptions {
  readonly cost?: ScryptCost;
  readonly random?: Random;
  /** Hashes computed at once (default 2: each takes a processor and 32 MB). */
  readonly concurrencyMax?: number;
  /** Further ones that may wait (default 32); beyond that `overloaded`. */
  readonly waitingMax?: number;
}

/** Hashes and checks passwords with scrypt, in the thread pool of Node. */
export function createPasswords(options: PasswordOptions = {}): Passwords {
  const cost = options.cost ?? scryptCost;
  const random = options.random ?? systemRandom();
  const gate = createGate(options.concurrencyMax ?? 2, options.waitingMax ?? 32);
  const nobody: Hash = { cost, salt: Buffer.alloc(saltLength), key: Buffer.alloc(keyLength) };
  return {
    async hash(password) {
      const salt = random.bytes(saltLength);
      return format({ cost, salt, key: await gate(() => derive(password, salt, cost)) });
    },
    async verify(password, text) {
      const known = text === null ? null : parse(text);
      const { salt, key, cost: used } = known ?? nobody;
      const derived = await gate(() => derive(password, salt, used));
      return timingSafeEqual(derived, key) && known !== null;
    },
    outdated(text) {
      const used = parse(text)?.cost;
      return used === undefined || parameters(used) !== parameters(cost);
    },
  };
}

interface Hash {
  readonly cost: ScryptCost;
  readonly salt: Buffer;
  readonly key: Buffer;
}

function parameters(cost: ScryptCost): string {
  return `ln=${cost.costLog2},r=${cost.blockSize},p=${cost.parallelism}`;
}

function format({ cost, salt, key }: Hash): string {
  return `$scrypt$${parameters(cost)}$${salt.toString('base64url')}$${key.toString('base64url')}`;
}

const pattern = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([\w-]{22})\$([\w-]{43})$/;

function parse(text: string): Hash | null {
  const [, costLog2, blockSize, parallelism, salt, key] = pattern.exec(text) ?? [];
  if (salt === undefined || key === undefined) return null;
  const cost = { costLog2: Number(costLog2), blockSize: Number(blockSize), parallelism: Number(parallelism) };
  // A damaged hash must not make one login take gigabytes.
  if (cost.costLog2 < 1 || cost.costLog2 > 18 || cost.blockSize < 1 || cost.blockSize > 16) return null;
  if (cost.parallelism < 1 || cost.parallelism > 8) return null;
  return { cost, salt: Buffer.from(salt, 'base64url'), key: Buffer.from(key, 'base64url') };
}

function derive(password: string, salt: Buffer, cost: ScryptCost): Promise<Buffer> {
  const memory = 128 * 2 ** cost.costLog2 * cost.blockSize;
  const options: ScryptOptions = {
    N: 2 ** cost.costLog2,
    r: cost.blockSize,
    p: cost.parallelism,
    maxmem: memory + 1024 * cost.blockSize * cost.parallelism + 1_048_576,
  };
  // The same password typed on two systems may differ in its Unicode form only.
  const text = password.normalize('NFKC');
  return new Promise((resolve, reject) => {
    scrypt(text, salt, keyLength, options, (error, key) => (error === null ? resolve(key) : reject(error)));
  });
}

type Gate = <T>(task: () => Promise<T>) => Promise<T>;

function createGate(concurrencyMax: number, waitingMax: number): Gate {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (task) => {
    if (running < concurrencyMax) running += 1;
    else if (waiting.length >= waitingMax) throw new MindoraError('overloaded', 'too many logins at once');
    // Who leaves hands its place on, so the number of those who run stays the same.
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await task();
    } finally {
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
}
