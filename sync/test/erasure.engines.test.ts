import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { erasureCertificate } from '@mindora/contracts/routes';
import type { Mutation } from '@mindora/stores';
import { type TemporaryDirectory, temporaryDirectory } from '@mindora/testing';
import { type EraseOptions, erase, resumeErasures } from '../src/erasure/index.ts';
import { verify } from '../src/verify/index.ts';
import { exchange, openVersion, type Version } from './verify-version.ts';

const victim = 'victim-7f3a';
const other = 'bystander';
const options: EraseOptions = { waitMs: 20_000 };
const look = { stores: null, entities: null, repair: false, dryRun: false, waitMs: 20_000 };

let directory: TemporaryDirectory;
let version: Version;

beforeEach(async () => {
  directory = await temporaryDirectory();
  version = await openVersion(directory.path);
});

afterEach(async () => {
  await version.close();
  await directory.remove();
});

/** Everything that a user can have; each text holds a word that occurs nowhere else. */
function belongings(user: string, word: string): Mutation[] {
  const insert = (entity: Extract<Mutation, { op: 'insert' }>['entity'], row: Record<string, unknown>): Mutation => {
    return { op: 'insert', entity, row: row as never };
  };
  return [
    insert('user', { user_id: user, username: `name-${word}`, email: `${word}@example.org` }),
    insert('profile', { user_id: user, profile: { likes: word } }),
    ...Array.from({ length: 12 }, (_, i) =>
      insert('conversation', exchange(`${word}-c${i}`, user, `${word} says ${i}`)),
    ),
    insert('conversation', exchange(`${word}-same`, user, '大家都说同一句话')),
    insert('analysis', {
      id: `${word}-a`,
      user_id: user,
      analysis_type: 'cv',
      input_content: `about ${word}`,
      analysis_result: { skills: [`${word}-skill`] },
    }),
    insert('financial_record', {
      id: `${word}-f`,
      user_id: user,
      transaction_type: 'income',
      amount: '12.50',
      description: `paid ${word}`,
      transaction_date: '2026-01-01',
    }),
  ];
}

/** Files that hold a text, in any case, as UTF-8. */
function filesWith(text: string): string[] {
  const needle = text.toLowerCase();
  return readdirSync(directory.path, { recursive: true })
    .map(String)
    .filter((name) => statSync(join(directory.path, name)).isFile())
    .filter((name) => readFileSync(join(directory.path, name)).toString('latin1').toLowerCase().includes(needle))
    .sort();
}

async function settled(): Promise<void> {
  expect((await verify(version.parts, look)).agree).toBe(true);
}

describe('erasure', () => {
  test('leaves no byte of the user in any store, and everything of others (A4.7, rule 16)', async () => {
    const { records } = version.primary;
    await records.write(belongings(victim, 'quuxword'));
    await records.write(belongings(other, 'restword'));
    const key = {
      id: 'k1',
      hash: 'f'.repeat(64),
      user_id: victim,
      name: 'quuxword key',
      created_at: '',
      revoked_at: null,
    };
    await records.addApiKey({ ...key, created_at: '2026-01-01T00:00:00.000000Z' });
    await records.write([
      { op: 'update', entity: 'conversation', id: 'quuxword-c1', set: { user_input: 'earlierword was said' } },
    ]);
    await settled();
    await records.write([{ op: 'update', entity: 'conversation', id: 'quuxword-c1', set: { user_input: 'later' } }]);
    expect(filesWith('says 3').length).toBeGreaterThan(5);

    const steps = new Set<string>();
    const certificate = await erase(version.parts, victim, options, ({ step }) => steps.add(step));

    expect(erasureCertificate.parse(certificate)).toEqual(certificate);
    expect({ ok: certificate.ok, certificate: certificate.ok ? null : certificate }).toEqual({
      ok: true,
      certificate: null,
    });
    expect(certificate).toMatchObject({ user_id: victim, resumed: false, what_expires: [] });
    expect(certificate.records).toMatchObject({
      user: 1,
      profile: 1,
      conversation: 13,
      analysis: 1,
      financial_record: 1,
    });
    expect(Object.keys(certificate.stores)).toHaveLength(7);
    expect(certificate.files_scrubbed).toEqual(expect.arrayContaining(['bus', 'fulltext', 'personal', 'primary']));
    expect([...steps]).toEqual(['delete', 'apply', 'scrub', 'check']);
    for (const word of [
      'quuxword says',
      'quuxword@',
      'name-quuxword',
      'earlierword',
      'paid quux',
      'about quux',
      'quuxword-skill',
      'quuxword key',
      `session-of-${victim}`,
    ]) {
      expect({ word, files: filesWith(word) }).toEqual({ word, files: [] });
    }
    // What the certificate says is kept: the keys of the ledger, and the id that is refused from now on.
    const inPrimary = (name: string): boolean => name.startsWith('primary.sqlite');
    expect(filesWith(victim).filter((name) => !inPrimary(name))).toEqual([]);
    expect(filesWith('quuxword').filter((name) => !inPrimary(name))).toEqual([]);

    expect(filesWith('restword says 3').length).toBeGreaterThan(5);
    expect(await version.stores.personal.list(other, 'conversation', 50, null)).toMatchObject({
      items: { length: 13 },
    });
    await expect(records.write(belongings(victim, 'quuxword'))).rejects.toMatchObject({ code: 'user_erased' });
    await settled();
  });

  test('tells what is left where a store does not follow, and is finished at the next start', async () => {
    const { records } = version.primary;
    await records.write(belongings(victim, 'quuxword'));
    await records.write(belongings(other, 'restword'));
    await settled();
    await version.sync.pause('fulltext');
    const first = await erase(version.parts, victim, { waitMs: 200 });
    expect(first.ok).toBe(false);
    expect(first.stores.fulltext?.error).toContain('not applied in time');
    expect(first.stores.relational).toMatchObject({ left: 0, error: null });
    await version.close();

    version = await openVersion(directory.path);
    const [certificate, ...more] = await resumeErasures(version.parts, options);
    expect(more).toEqual([]);
    expect(certificate).toMatchObject({ user_id: victim, resumed: true, ok: true });
    expect(filesWith('quuxword says')).toEqual([]);
    expect(filesWith('restword says 3').length).toBeGreaterThan(5);
    expect(await resumeErasures(version.parts, options)).toEqual([]);
    await settled();
  });

  test('certifies while others write and delete, and takes nothing of theirs', async () => {
    const { records } = version.primary;
    await records.write(belongings(victim, 'quuxword'));
    let writing = true;
    const writer = async (name: string): Promise<void> => {
      for (let i = 0; writing; i++) {
        const id = `${name}-${i % 40}`;
        const insert = { op: 'insert', entity: 'conversation', row: exchange(id, other, `${name} ${i}`) } as const;
        await records.writeEach([[insert], [{ op: 'delete', entity: 'conversation', id: `${name}-${(i * 7) % 40}` }]]);
      }
    };
    const writers = [writer('a'), writer('b')];
    const certificate = await erase(version.parts, victim, options);
    writing = false;
    await Promise.all(writers);
    expect({ ok: certificate.ok, certificate: certificate.ok ? null : certificate }).toEqual({
      ok: true,
      certificate: null,
    });
    expect(filesWith('quuxword says')).toEqual([]);
    await settled();
  });

  test('asks whoever registered, and does not certify what one of them still has', async () => {
    const sessions = new Map([[victim, 3]]);
    const forgetful = { name: 'sessions', erase: async () => 0, left: async (user: string) => sessions.get(user) ?? 0 };
    await version.primary.records.write(belongings(victim, 'quuxword'));
    const refused = await erase({ ...version.parts, holders: [forgetful] }, victim, options);
    expect(refused.holders.sessions).toMatchObject({ left: 3 });
    expect(refused.ok).toBe(false);
    const good = {
      ...forgetful,
      erase: async (user: string) => {
        const count = sessions.get(user) ?? 0;
        sessions.delete(user);
        return count;
      },
    };
    const certificate = await erase({ ...version.parts, holders: [good] }, victim, options);
    expect(certificate.holders.sessions).toMatchObject({ checked: 3, left: 0 });
    expect(certificate).toMatchObject({ ok: true, resumed: true });
  });
});
