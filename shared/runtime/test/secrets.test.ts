import { describe, expect, test } from '@jest/globals';
import {
  createPasswords,
  decryptSecret,
  encryptSecret,
  hashApiKey,
  isApiKey,
  newApiKey,
  Secret,
  systemClock,
  systemRandom,
} from '@mindora/runtime';
import { createMetrics } from '@mindora/runtime/metrics';
import { createTokens } from '@mindora/runtime/tokens';

const cost = { costLog2: 4, blockSize: 8, parallelism: 1 };
const random = systemRandom();

describe('passwords', () => {
  const passwords = createPasswords({ cost });

  test('are verified against their hash only', async () => {
    const hash = await passwords.hash('correct horse battery');
    expect(hash).toMatch(/^\$scrypt\$ln=4,r=8,p=1\$/);
    expect(hash.length).toBeLessThanOrEqual(255);
    expect(await passwords.verify('correct horse battery', hash)).toBe(true);
    expect(await passwords.verify('correct horse batterz', hash)).toBe(false);
    expect(await passwords.hash('correct horse battery')).not.toBe(hash);
  });

  test('are the same in every Unicode form', async () => {
    const hash = await passwords.hash('pa\u00dfw\u00f6rter genug');
    expect(await passwords.verify('pa\u00dfwo\u0308rter genug', hash)).toBe(true);
  });

  test('match no missing and no damaged hash', async () => {
    for (const hash of [null, '', '$scrypt$ln=30,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$x', 'plain']) {
      expect(await passwords.verify('', hash)).toBe(false);
    }
    expect(await passwords.verify('x'.repeat(32), null)).toBe(false);
  });

  test('know which cost a hash was made with', async () => {
    const hash = await passwords.hash('whatever it is');
    expect(passwords.outdated(hash)).toBe(false);
    expect(createPasswords().outdated(hash)).toBe(true);
    expect(await createPasswords().verify('whatever it is', hash)).toBe(true);
  });

  test('are hashed in a bounded number at once', async () => {
    const narrow = createPasswords({ cost, concurrencyMax: 1, waitingMax: 2 });
    const outcomes = await Promise.allSettled(Array.from({ length: 5 }, () => narrow.hash('x')));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
    expect((outcomes[4] as PromiseRejectedResult).reason).toMatchObject({ code: 'overloaded' });
    await expect(narrow.hash('again')).resolves.toMatch(/^\$scrypt/);
  });
});

test('API keys are 256 random bits, found by their hash', () => {
  const { key, hash } = newApiKey(random);
  expect(isApiKey(key)).toBe(true);
  expect(isApiKey(`${key}x`)).toBe(false);
  expect(hash).toBe(hashApiKey(key));
  expect(hash).toMatch(/^[0-9a-f]{64}$/);
  expect(newApiKey(random).key).not.toBe(key);
});

describe('encrypted secrets', () => {
  const masterKey = random.bytes(32);
  const sealed = encryptSecret(new Secret('sk-本物'), masterKey, 'config/1', random);

  test('come back with the same key and purpose', () => {
    expect(sealed).not.toContain('sk-');
    expect(decryptSecret(sealed, masterKey, 'config/1').reveal()).toBe('sk-本物');
    expect(encryptSecret(new Secret('sk-本物'), masterKey, 'config/1', random)).not.toBe(sealed);
  });

  test('come back in no other way', () => {
    const changed = sealed.slice(0, -3) + (sealed.at(-3) === 'A' ? 'B' : 'A') + sealed.slice(-2);
    expect(() => decryptSecret(sealed, masterKey, 'config/2')).toThrow();
    expect(() => decryptSecret(sealed, random.bytes(32), 'config/1')).toThrow();
    expect(() => decryptSecret(changed, masterKey, 'config/1')).toThrow();
    for (const text of ['', 'g1.x.y', `g0${sealed.slice(2)}`]) {
      expect(() => decryptSecret(text, masterKey, 'config/1')).toThrow('not an encrypted secret');
    }
  });
});

describe('tokens', () => {
  const secret = new Secret('s'.repeat(32));
  const tokens = createTokens({ secret, issuer: 'future', clock: systemClock() });

  test('name their user', async () => {
    expect(await tokens.verify(await tokens.sign('u1'))).toBe('u1');
  });

  test('hold for their time, version and secret only', async () => {
    const late = { ...systemClock(), now: () => Date.now() - 3_601_000 };
    const others = [
      createTokens({ secret, issuer: 'future', clock: late }),
      createTokens({ secret, issuer: 'dao', clock: systemClock() }),
      createTokens({ secret: new Secret('t'.repeat(32)), issuer: 'future', clock: systemClock() }),
    ];
    for (const other of others) {
      await expect(tokens.verify(await other.sign('u1'))).rejects.toMatchObject({ code: 'unauthenticated' });
    }
    const payload = (await tokens.sign('u1')).split('.')[1];
    const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.`;
    await expect(tokens.verify(none)).rejects.toMatchObject({ code: 'unauthenticated' });
    await expect(tokens.verify('nonsense')).rejects.toMatchObject({ code: 'unauthenticated' });
  });

  test('need a long secret', () => {
    expect(() => createTokens({ secret: new Secret('short'), issuer: 'x', clock: systemClock() })).toThrow('32 bytes');
  });
});

test('metrics print own and handed-over families', async () => {
  const metrics = createMetrics('future');
  metrics.counter('things_total', 'Things', ['kind']).inc({ kind: 'a' });
  metrics.histogram('wait_seconds', 'Waits', []).observe(0.003);
  const values = [{ labels: { store: 'a"b' }, value: 3 }];
  const text = await metrics.text([{ name: 'lag', help: 'Lag', type: 'gauge', values }]);
  expect(text).toContain('things_total{kind="a",version="future"} 1');
  expect(text).toContain('wait_seconds_bucket{le="0.005",version="future"} 1');
  const none = { name: 'nothing', help: 'Nothing', type: 'gauge', values: [] } as const;
  expect(await metrics.text([none])).not.toContain('nothing');
  expect(text).toContain('lag{store="a\\"b",version="future"} 3');
});
