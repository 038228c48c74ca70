/**
 * The first day of a user (issue 3): start, import, read back from each kind of store, kill, start again, verify.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { roles } from '@mindora/contracts';
import { MindoraClient } from '@mindora/sdk';
import { type TemporaryDirectory, until } from '@mindora/testing/plain';
import { type Hands, handsIn } from '../support/by-hand/index.ts';
import { temporaryData } from '../support/data.ts';
import { mindora, mindoraJson, type RunningVersion, startVersion } from '../support/version.ts';

// Of a busy machine; on a quiet one the whole file takes a minute.
jest.setTimeout(600_000);

const samples = join(import.meta.dirname, '../../samples');

interface VerifyReport {
  agree: boolean;
  ledger: { records: number; root: string };
  stores: Record<string, Record<string, number>>;
  differences: { store: string; kind: string }[];
}

describe('the first day', () => {
  let directory: TemporaryDirectory;
  let version: RunningVersion;
  let client: MindoraClient;
  let hands: Hands;

  beforeAll(async () => {
    directory = await temporaryData();
    version = await startVersion(directory.path);
    client = new MindoraClient({ url: version.url, apiKey: version.adminKey });
    hands = await handsIn(directory.path);
  });

  afterAll(async () => {
    await version.stop();
    await hands.close();
    await directory.remove();
  });

  test('the administrator key is for its owner alone', () => {
    const file = join(directory.path, 'future/admin.key');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, 'utf8').trim()).toMatch(/^mk_/);
  });

  test('conversations and analyses are imported, and again without being doubled', async () => {
    const first = await mindoraJson(directory.path, ['import', join(samples, 'conversations.jsonl')]);
    expect(first).toMatchObject({ code: 0, json: { stored: 24, refused: 0 } });
    const analyses = await mindoraJson(directory.path, ['import', join(samples, 'analyses.jsonl')]);
    expect(analyses).toMatchObject({ code: 0, json: { stored: 5, refused: 0 } });
    const again = await mindoraJson(directory.path, ['import', join(samples, 'conversations.jsonl')]);
    expect(again).toMatchObject({ code: 0, json: { stored: 24, refused: 0 } });
    const totalOf = async (): Promise<number> =>
      (await client.call('analysis.statistics', { query: {} })).statistics.total_analyses;
    // What was imported is carried to the relational store meanwhile.
    await until(async () => (await totalOf()) === 5, 60_000);
  });

  test('one write is read back from every kind of store by its position', async () => {
    const exchange = {
      user_id: 'user_reader',
      session_id: 's-read',
      user_input: '如何照顾兰花？',
      ai_response: '兰花喜欢散射光，每周浇一次水，冬天少浇。',
      model_name: 'deepseek-chat',
      context: { language: 'zh-CN' },
    };
    const { conversation_id, position } = await client.call('conversation.create', { body: exchange });
    const after = { after: position };
    const mine = { params: { user_id: 'user_reader' } };

    const { history } = await client.call('conversation.history', mine, after);
    expect(history.map((item) => item.id)).toEqual([conversation_id]);
    const { source } = await client.call('conversation.get', { params: { conversation_id } }, after);
    expect(source).toBe('cache');
    const documents = await client.call(
      'search.conversationDocuments',
      { body: { query: { session_id: 's-read' } } },
      after,
    );
    expect(documents.results).toMatchObject([{ _id: conversation_id, metadata: { source: 'ai_api' } }]);
    const words = await client.call('search.conversations', { body: { query: '兰花', user_id: 'user_reader' } }, after);
    expect(words.results).toMatchObject([{ conversation_id }]);
    const graph = await client.call('graph.user', mine, after);
    expect(graph.nodes.map((node) => node.label).sort()).toEqual(['AIConversation', 'AIModel', 'AISession', 'AIUser']);
    const near = await client.call('vector.conversations', { body: { query: '兰花 浇水' } }, after);
    expect(near.results[0]).toMatchObject({ conversationId: conversation_id });
    const personal = { params: { user_id: 'user_reader', collection: 'conversations' as const } };
    const own = await client.call('identity.personal', personal, after);
    expect(own.items).toMatchObject([{ id: conversation_id }]);
  });

  test('verify proves that every store agrees', async () => {
    const { code, json } = await mindoraJson(directory.path, ['verify']);
    expect({ code, differences: json.differences }).toEqual({ code: 0, differences: [] });
    const report = json as unknown as VerifyReport;
    expect(report.agree).toBe(true);
    expect(Object.keys(report.stores).sort()).toEqual([...roles].sort());
    expect(report.stores.fulltext?.checked).toBeGreaterThanOrEqual(30);
  });

  test('after kill -9 in the middle of writes it comes back with all that was acknowledged, and agrees', async () => {
    const acknowledged: string[] = [];
    const write = async (writer: number): Promise<void> => {
      for (let n = 0; n < 200; n++) {
        const body = {
          user_id: `user_${writer}`,
          session_id: `s-${writer}`,
          user_input: `question ${n} of writer ${writer}`,
          ai_response: `answer ${n}`,
          model_name: 'deepseek-chat',
        };
        acknowledged.push((await client.call('conversation.create', { body })).conversation_id);
        if (acknowledged.length === 300) version.kill();
      }
    };
    await Promise.allSettled([1, 2, 3, 4, 5, 6, 7, 8].map(write));
    expect(acknowledged.length).toBeGreaterThanOrEqual(300);
    await version.ended;

    version = await startVersion(directory.path);
    client = new MindoraClient({ url: version.url, apiKey: version.adminKey });
    for (const conversation_id of acknowledged) {
      const { conversation } = await client.call('conversation.get', { params: { conversation_id } });
      expect(conversation.id).toBe(conversation_id);
    }
    const { code, json } = await mindoraJson(directory.path, ['verify']);
    expect({ code, differences: json.differences }).toEqual({ code: 0, differences: [] });
  });

  test('what the shell of the primary changes by hand reaches the stores', async () => {
    await hands.write(
      `INSERT INTO ai_conversations (id, user_id, session_id, user_input, ai_response, model_name)
       VALUES ('by-hand', 'user_hand', 's-hand', '手工写入', '也要同步', 'none')`,
    );
    const { code } = await mindoraJson(directory.path, ['verify']);
    expect(code).toBe(0);
    const found = await client.call('search.conversations', { body: { query: '手工', user_id: 'user_hand' } });
    expect(found.results).toMatchObject([{ conversation_id: 'by-hand' }]);
  });

  test('a user is erased, with a certificate, and may not come back', async () => {
    const { code, json } = await mindoraJson(directory.path, ['erase', '--user', 'user_002']);
    expect(code).toBe(0);
    expect(json).toMatchObject({ user_id: 'user_002', ok: true });
    const { history } = await client.call('conversation.history', { params: { user_id: 'user_002' } });
    expect(history).toEqual([]);
    const traces = spawnSync('grep', ['-rlaF', 'slow query log with long_query_time', directory.path]);
    expect(traces.stdout.toString()).toBe('');
    expect((await mindora(directory.path, ['verify'])).code).toBe(0);
  });

  test('SIGTERM drains and ends with 0; verify then works on the files', async () => {
    expect(await version.stop()).toBe(0);
    const { code, json } = await mindoraJson(directory.path, ['verify']);
    expect({ code, agree: json.agree }).toEqual({ code: 0, agree: true });
    version = await startVersion(directory.path);
  });
});
