/**
 * "Every store agrees, and you can prove it", doubted: stores and their bookkeeping are damaged by hand, and the primary
 * is written with its own shell (A5.1, A5.2; rules 2, 3, 11, 14 and 15). Runs on embedded and on real engines.
 */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { MindoraClient } from '@mindora/sdk';
import { until } from '@mindora/testing/plain';
import type { Expected } from '../support/by-hand/index.ts';
import { testEngines } from '../support/config.ts';
import { type Filled, named, startFilled, type Verdict } from '../support/filled.ts';
import {
  type LaunchedVersion,
  launchVersion,
  mindoraJson,
  type RunningVersion,
  startVersion,
  whenReady,
} from '../support/version.ts';

// Of a busy machine; on a quiet one the whole file takes a minute.
jest.setTimeout(600_000);

let filled: Filled;
let version: LaunchedVersion;

const verify: Filled['verify'] = (...args) => filled.verify(...args);
const expectAgreement: Filled['expectAgreement'] = (...args) => filled.expectAgreement(...args);
const write = (...statements: string[]): Promise<void> => filled.hands.write(...statements);
const start = (): Promise<RunningVersion> => startVersion(filled.directory.path);

/** With other settings, which the version keeps until it is started with others again. */
function startWith(environment: Readonly<Record<string, string>>): Promise<RunningVersion> {
  const data = filled.directory.path;
  return whenReady(data, launchVersion(data, { environment }));
}

beforeAll(async () => {
  filled = await startFilled();
  ({ version } = filled);
});

afterAll(async () => {
  await version.stop();
  await filled.hands.close();
  await filled.directory.remove();
});

describe('damage by hand', () => {
  /**
   * What a damage entails beside the record: the row of an index whose document was deleted, and derived relations of
   * a node that was. Neither is a record, and their number isn't known here.
   */
  function isEntailed({ id }: Expected): boolean {
    return id.startsWith('#') || (id.includes('->') && !id.endsWith('->nowhere'));
  }

  type Where = 'running' | 'stopped';

  function expectFound(harmed: readonly Expected[], { code, report }: Verdict, where: Where): void {
    expect({ code, agree: report.agree }).toEqual({ code: 1, agree: false });
    const expected = harmed.filter((one) => isSure(one, where));
    const unsure = new Set(named(harmed.filter((one) => !isSure(one, where))));
    const found = report.differences.filter((difference) => !isEntailed(difference));
    expect(named(found).filter((name) => !unsure.has(name))).toEqual(named(expected));
    const rows = report.differences.filter(({ id }) => id.startsWith('#'));
    expect(rows.map(({ store }) => store)).toEqual(testEngines === 'embedded' ? ['fulltext', 'vectors'] : []);
    for (const [role, verdict] of Object.entries(report.stores)) {
      const { missing = 0, extra = 0, stale = 0, different = 0, resurrected = 0, repaired } = verdict;
      const listed = report.differences.filter(({ store }) => store === role).length;
      expect([role, missing + extra + stale + different + resurrected, repaired]).toEqual([role, listed, 0]);
    }
  }

  /** Not what a new process may have mended before it looked, nor what sync sweeps away every minute. */
  function isSure({ id, endsAtTakeover }: Expected, where: Where): boolean {
    return !id.endsWith('->nowhere') && (where === 'running' || endsAtTakeover !== true);
  }

  async function damageAll(): Promise<Expected[]> {
    const expected: Expected[] = [];
    for (const damage of filled.hands.damages(filled.material)) {
      const { about } = damage;
      expected.push(
        await damage.harm().catch((cause: unknown) => {
          throw new Error(`${about}: ${cause}`, { cause });
        }),
      );
    }
    return expected;
  }

  /** Damages everything, and follows verify through finding, not touching, and mending it. */
  async function damageAndMend(where: Where): Promise<void> {
    const harmed = await damageAll();
    expectFound(harmed, await verify(), where);
    expectFound(harmed, await verify('--repair', '--dry-run'), where);
    const { code, report } = await verify('--repair');
    expect({ code, differences: report.differences }).toEqual({ code: 0, differences: [] });
    const repaired = Object.values(report.stores).reduce((sum, line) => sum + (line.repaired ?? 0), 0);
    expect(repaired).toBeGreaterThanOrEqual(harmed.filter((one) => isSure(one, where)).length);
    await expectAgreement();
  }

  test('of every kind to every store is named exactly and mended, while the version runs', () =>
    damageAndMend('running'));

  test('the same while it is stopped', async () => {
    expect(await version.stop()).toBe(0);
    await damageAndMend('stopped');
    version = await start();
  });

  test('two copies of a record in files of other users are mended at once', async () => {
    const { id } = filled.material.conversation();
    for (const user of ['user-5', 'user-6', 'user-7']) {
      filled.hands.files.personal(user, (db) =>
        db.prepare('INSERT OR IGNORE INTO conversations (id, user_id, user_input) VALUES (?, ?, ?)').run(id, user, 'x'),
      );
    }
    const { report } = await verify('--store', 'personal');
    expect(named(report.differences)).toEqual([`personal conversation ${id} different`]);
    expect((await verify('--store', 'personal', '--repair')).code).toBe(0);
    await expectAgreement('--store', 'personal');
  });
});

describe('the primary, written by hand', () => {
  const talk = (id: string, user: string): string =>
    `INSERT INTO ai_conversations (id, user_id, session_id, user_input, ai_response, model_name)
     VALUES ('${id}', '${user}', 's', 'hand', 'written', 'm')`;

  test('every way of changing a row reaches the stores, also to another user', async () => {
    await write(talk('hand-1', 'old-owner'), talk('hand-2', 'old-owner'), talk('hand-3', 'old-owner'));
    await expectAgreement();
    await write(`DELETE FROM ai_conversations WHERE id = 'hand-1'`, talk('hand-1', 'new-owner'));
    await write(`UPDATE ai_conversations SET id = 'hand-2b' WHERE id = 'hand-2'`);
    await write(talk('hand-3', 'old-owner').replace('INSERT', 'REPLACE').replace("'written'", "'written again'"));
    await expect(write(`UPDATE ai_conversations SET user_id = 'x' WHERE id = 'hand-3'`)).rejects.toThrow(/owner/);
    await expectAgreement();
    const own = (user: string): unknown[] =>
      filled.hands.files.personal(user, (db) => db.prepare('SELECT id FROM conversations ORDER BY id').pluck().all());
    expect([own('old-owner'), own('new-owner')]).toEqual([['hand-2b', 'hand-3'], ['hand-1']]);
  });

  test('what no store can hold is parked and stops nothing else', async () => {
    const { statements, parked, cure } = filled.hands.unholdable;
    await write(...statements, talk('good', 'user-bad'));
    const { code, report } = await verify();
    expect({ code, differences: report.differences }).toEqual({ code: 1, differences: [] });
    const listed = (await mindoraJson(filled.directory.path, ['parked', 'list'])).json.parked as { id: string }[];
    expect([...new Set(listed.map(({ id }) => id))].sort()).toEqual(parked);
    const { json } = await mindoraJson(filled.directory.path, ['status']);
    expect(json.primary).toMatchObject({ pending: 0 });
    await write(...cure);
    await expectAgreement();
  });
});

describe('other settings', () => {
  test('documents are kept for another time, which verify agrees with, and are gone after it', async () => {
    await version.stop();
    version = await startWith({ MINDORA_DOCUMENT_RETENTION_DAYS: '0.00001' });
    await expectAgreement();
    let left = 0;
    await until(
      async () => {
        await write(`UPDATE ai_conversations SET model_name = 'n' WHERE id = 'good'`);
        left = await filled.hands.documents();
        return left === 0;
      },
      30_000,
      () => `no documents, but ${left}`,
    );
    await expectAgreement();
    await version.stop();
    version = await start();
    await expectAgreement();
    expect(await filled.hands.documents()).toBeGreaterThan(180);
  });
});

describe('another embedder', () => {
  test('fills what depends on it again, and leaves no old embedding', async () => {
    await version.stop();
    const launched = await startWith({ MINDORA_EMBEDDINGS_DIMENSIONS: '64' });
    version = launched;
    await expectAgreement();
    const lengths = async (): Promise<number[][]> => {
      const inPrimary = await filled.hands.primary.values('SELECT DISTINCT dimensions FROM embeddings');
      return [inPrimary.map(Number), (await filled.hands.embeddingLengths()).map(Number)];
    };
    expect(await lengths()).toEqual([[64], [64]]);
    const client = new MindoraClient({ url: launched.url, apiKey: launched.adminKey });
    const { results } = await client.call('vector.conversations', { body: { query: 'question 7 answer 7' } });
    expect(results.length).toBeGreaterThan(0);

    // A command on the stopped version doesn't go by its own environment, which asks for another length.
    expect(await launched.stop()).toBe(0);
    await expectAgreement();
    expect(await lengths()).toEqual([[64], [64]]);
    version = await start();
  });
});
