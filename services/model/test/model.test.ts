import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Row } from '@mindora/contracts';
import { encryptSecret, Secret, systemClock, systemRandom } from '@mindora/runtime';
import { openPrimary, type Primary, type RelationalStore } from '@mindora/stores';
import { createStore } from '@mindora/stores/create';
import {
  fill,
  principalOf,
  type StartedServices,
  startServices,
  type TemporaryDirectory,
  temporaryDirectory,
} from '@mindora/testing';
import { createModelService, type ModelDependencies } from '../src/index.ts';
import { breaksOff, hangs, json, type ModelServer, says, startModelServer, status, text } from './endpoint.ts';

const masterKey = randomBytes(32);
const as = principalOf('u1');

let directory: TemporaryDirectory;
let primary: Primary;
let server: ModelServer;
let services: StartedServices;
let relational: RelationalStore;

async function start(options: Partial<ModelDependencies> = {}): Promise<void> {
  services = await startServices(
    createModelService({
      primary: primary.records,
      relational,
      clock: systemClock(),
      random: systemRandom(),
      endpoint: { baseUrl: `${server.url}/v1/`, apiKey: new Secret('sk-test'), model: 'deepseek-chat' },
      masterKey,
      timeoutMs: 5000,
      firstPauseMs: 1,
      ...options,
    }),
  );
}

beforeEach(async () => {
  directory = await temporaryDirectory();
  primary = await openPrimary({ file: directory.file('primary.db') });
  await primary.migrate();
  server = await startModelServer();
  relational = await createStore('relational', { directory: directory.path, dimensions: 4 });
});

afterEach(async () => {
  await services.stop();
  await server.close();
  await Promise.all([relational.close(), primary.close()]);
  await directory.remove();
});

const chat = (body: object) => services.call('model.chat', { body, as });
const analyze = (body: object) => services.call('model.analyze', { body, as });
const stored = (entity: 'conversation' | 'analysis', id: unknown) =>
  primary.records.get({ entity, id: String(id) }) as Promise<Row>;

/** What the relational store holds of one. */
function exchange(id: string, day: number, user_input: string, ai_response: string): Row {
  const created_at = `2020-01-0${day}T00:00:00.000000Z`;
  const facts = { user_id: 'u1', session_id: 's1', model_name: 'm', created_at, updated_at: created_at };
  return { id, user_input, ai_response, ...facts };
}

async function addConfig(row: Row): Promise<string> {
  const id = String(row.service_name);
  const api_key_encrypted = encryptSecret(
    new Secret('sk-config'),
    masterKey,
    `ai_service_config/${id}`,
    systemRandom(),
  );
  await primary.records.write([{ op: 'insert', entity: 'ai_service_config', row: { id, api_key_encrypted, ...row } }]);
  return id;
}

describe('chat (A1.12)', () => {
  test('answers, tells of usage, and stores the exchange', async () => {
    await start();
    server.behave(says('Hello back'));
    const answer = await chat({ message: 'Hello' });
    expect(answer).toMatchObject({ response: 'Hello back', model: 'test-model-1', usage: { total_tokens: 8 } });
    expect(server.asked).toEqual([
      {
        path: '/v1/chat/completions',
        authorization: 'Bearer sk-test',
        body: {
          model: 'deepseek-chat',
          max_tokens: 1000,
          temperature: 0.7,
          stream: false,
          messages: [{ role: 'user', content: 'Hello' }],
        },
      },
    ]);
    expect(await stored('conversation', answer.conversation_id)).toMatchObject({
      user_id: 'u1',
      session_id: answer.session_id,
      user_input: 'Hello',
      ai_response: 'Hello back',
      model_name: 'test-model-1',
    });
  });

  test('stores what fits, whatever the provider adds', async () => {
    await start();
    const usage = { total_tokens: 8, prompt_tokens: 'many', details: { note: '\ud800' } };
    const choices = [{ message: { content: 'cut \ud83d' } }];
    server.behave(json({ model: `big\u0000${'-model'.repeat(20)}`, choices, usage }));
    const answer = await chat({ message: 'Hi' });
    expect(answer.usage).toMatchObject({ total_tokens: 8, details: {} });
    const row = await stored('conversation', answer.conversation_id);
    expect(row).toMatchObject({ ai_response: 'cut \ufffd', context: { source: 'chat', usage: { total_tokens: 8 } } });
    expect(row.model_name).toHaveLength(50);
  });

  test('goes on with a session, also with what the store has not yet', async () => {
    await start();
    server.behave(says('one'), says('two'), says('three'));
    const { session_id } = await chat({ message: 'first', session_id: 's1' });
    expect(session_id).toBe('s1');
    await chat({ message: 'second', session_id: 's1' });
    const contents = () => server.asked.at(-1)?.body.messages.map(({ content }) => content);
    expect(contents()).toEqual(['first', 'one', 'second']);
    await fill(relational, 'conversation', [
      exchange('a', 1, 'zero', 'nil'),
      { ...exchange('b', 2, '-', '-'), user_id: 'u2' },
    ]);
    await chat({ message: 'third', session_id: 's1' });
    expect(contents()).toEqual(['zero', 'nil', 'first', 'one', 'second', 'two', 'third']);
  });

  test('what was deleted meanwhile is not sent along, nor what belongs to another session', async () => {
    await start();
    server.behave(says('one'));
    const { conversation_id } = await chat({ message: 'first', session_id: 's1' });
    await primary.records.write([{ op: 'delete', entity: 'conversation', id: String(conversation_id) }]);
    await chat({ message: 'second', session_id: 's1' });
    await services.call('model.chat', { body: { message: 'mine', session_id: 's1' }, as: principalOf('u2') });
    expect(server.asked.map(({ body }) => body.messages.length)).toEqual([1, 1, 1]);
  });

  test('long histories are cut at their old end', async () => {
    await start();
    server.behave(says('ok'));
    const rows = [1, 2, 3, 4, 5].map((day) => exchange(`${day}`, day, `${day}`.repeat(30_000), 'x'));
    await fill(relational, 'conversation', rows);
    await chat({ message: 'now', session_id: 's1' });
    const sent = server.asked.at(-1)?.body.messages.map(({ content }) => content[0]);
    expect(sent).toEqual(['3', 'x', '4', 'x', '5', 'x', 'n']);
  });

  test('an active configuration goes before the setting, with its own key and values', async () => {
    await start({ endpoint: null });
    await expect(chat({ message: 'Hi' })).rejects.toMatchObject({ code: 'model_not_configured' });
    const api_endpoint = `${server.url}/api/chat/completions`;
    await addConfig({ service_name: 'off', service_type: 'chat', api_endpoint, is_active: false });
    await addConfig({ service_name: 'other', service_type: 'analysis', api_endpoint });
    await expect(chat({ message: 'Hi' })).rejects.toMatchObject({ code: 'model_not_configured' });
    const values = { model_name: 'big', max_tokens: 50, temperature: '0.10' };
    await addConfig({ service_name: 'on', service_type: 'chat', api_endpoint, ...values });
    server.behave(says('Hi'));
    await chat({ message: 'Hi' });
    await chat({ message: 'Hi', model: 'small', max_tokens: 9, temperature: 2 });
    const [first, second] = server.asked;
    expect(first).toMatchObject({ path: '/api/chat/completions', authorization: 'Bearer sk-config' });
    expect(first?.body).toMatchObject({ model: 'big', max_tokens: 50, temperature: 0.1 });
    expect(second?.body).toMatchObject({ model: 'small', max_tokens: 9, temperature: 2 });
  });

  test('a key that another master key encrypted is told as such', async () => {
    await start({ endpoint: null, masterKey: randomBytes(32) });
    await addConfig({ service_name: 'on', service_type: 'chat', api_endpoint: server.url });
    await expect(chat({ message: 'Hi' })).rejects.toMatchObject({ code: 'model_not_configured' });
  });
});

describe('an endpoint that fails', () => {
  test('is asked again where that may help', async () => {
    await start();
    server.behave(status(429), status(503), says('at last'));
    expect(await chat({ message: 'Hi' })).toMatchObject({ response: 'at last' });
    server.behave(breaksOff, says('again'));
    expect(await chat({ message: 'Hi' })).toMatchObject({ response: 'again' });
    expect(server.asked).toHaveLength(5);
  });

  test.each([
    ['refuses', status(400), 1],
    ['refuses the key', status(401), 1],
    ['is down', status(500), 3],
    ['breaks off', breaksOff, 3],
    ['leads elsewhere', status(302, { location: '/elsewhere' }), 1],
    ['answers no JSON', text('<html>secret of the provider'), 1],
    ['answers without a choice', json({ choices: [] }), 1],
    ['answers without text', json({ choices: [{ message: { content: null } }] }), 1],
    ['answers too much', text(`"${'x'.repeat(9 * 1024 * 1024)}"`), 1],
  ])('%s: model_failed, nothing stored, nothing of it told', async (_, behaviour, tries) => {
    await start();
    server.behave(behaviour);
    const error = await chat({ message: 'the question', session_id: 's1' }).then(
      () => null,
      (thrown: Error) => thrown,
    );
    expect(error).toMatchObject({ code: 'model_failed' });
    expect(String(error?.message)).not.toMatch(/secret|question|sk-/);
    expect(server.asked).toHaveLength(tries);
    expect(await primary.records.find({ entity: 'conversation', limit: 1 })).toEqual([]);
  });

  test('is given up in time, also while it asks to wait', async () => {
    await start({ timeoutMs: 100 });
    server.behave(hangs);
    await expect(chat({ message: 'Hi' })).rejects.toMatchObject({
      code: 'model_failed',
      message: 'the endpoint gave no answer in time',
    });
    server.behave(status(429, { 'retry-after': '9' }));
    await expect(chat({ message: 'Hi' })).rejects.toMatchObject({ code: 'model_failed' });
  });

  test('does not gather questions without bound', async () => {
    await start({ concurrencyMax: 1, timeoutMs: 300 });
    server.behave(hangs);
    const [first, second] = await Promise.allSettled([chat({ message: 'a' }), chat({ message: 'b' })]);
    expect(first).toMatchObject({ status: 'rejected', reason: { code: 'model_failed' } });
    expect(second).toMatchObject({ status: 'rejected', reason: { code: 'overloaded' } });
  });
});

describe('analyze (A1.12)', () => {
  const result = {
    skills: ['Go', 'Kafka'],
    experience: [{ what: 'moved services', figure: '12 services' }],
    suggestions: ['Name the team size'],
    summary: 'A backend engineer.',
  };

  test('stores what was found, with its time', async () => {
    let now = 1000;
    await start({ clock: { ...systemClock(), now: () => (now += 250) } });
    server.behave(says(`Here it is:\n\`\`\`json\n${JSON.stringify({ ...result, confidence_score: 0.9 })}\n\`\`\``));
    const answer = await analyze({ content: 'CV of somebody' });
    expect(answer).toMatchObject({ analysis_result: result, confidence_score: 0.9 });
    expect(await stored('analysis', answer.analysis_id)).toMatchObject({
      user_id: 'u1',
      analysis_type: 'resume',
      input_content: 'CV of somebody',
      analysis_result: result,
      confidence_score: 0.9,
      processing_time: 250,
    });
    const [system, user] = server.asked[0]?.body.messages ?? [];
    expect(system?.role).toBe('system');
    expect(user?.content).toBe('Kind of text: resume\n\nCV of somebody');
  });

  test('brings what models make of the form into it', async () => {
    await start();
    const loose = {
      skills: ['Go', ' Go ', { name: 'Rust' }, 7, null, ['x']],
      experience: ['led a team', { what: 'sales', figure: 30 }, { figure: '1' }],
      suggestions: 'none',
      confidence_score: '85',
    };
    server.behave(says(JSON.stringify(loose)));
    expect(await analyze({ content: 'x' })).toMatchObject({
      analysis_result: {
        skills: ['Go', 'Rust', '7'],
        experience: [
          { what: 'led a team', figure: null },
          { what: 'sales', figure: '30' },
        ],
        suggestions: [],
        summary: '',
      },
      confidence_score: 0.85,
    });
  });

  test.each(['I cannot do that.', '{"skills": [', '[]', '{"answer": 42}', '} {'])(
    'an answer that is no analysis is model_failed: %s',
    async (content) => {
      await start();
      server.behave(says(content));
      await expect(analyze({ content: 'x' })).rejects.toMatchObject({ code: 'model_failed' });
      expect(await primary.records.find({ entity: 'analysis', limit: 1 })).toEqual([]);
    },
  );
});
