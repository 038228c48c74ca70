import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { type ErrorCode, errorTable } from '@mindora/contracts';
import { MindoraClient } from '../src/index.ts';

const exchange = { user_id: 'lin', session_id: 's', user_input: 'q', ai_response: 'a', model_name: 'm' };
const stored = { status: 'success', conversation_id: 'c1', position: 'v1.x' };

describe('the client', () => {
  let server: Server | null = null;
  let requests = 0;

  afterEach(() => new Promise<void>((resolve) => server?.close(() => resolve()) ?? resolve()));

  /** A gateway that refuses the first request with a code and answers the next. */
  async function clientOf(code: ErrorCode): Promise<MindoraClient> {
    requests = 0;
    const started = createServer((request, response) => {
      request.resume();
      requests += 1;
      const refused = requests === 1;
      response.writeHead(refused ? errorTable[code].status : 201, { 'content-type': 'application/json' });
      response.end(JSON.stringify(refused ? { code, detail: 'first' } : stored));
    });
    server = started;
    await new Promise<void>((resolve) => started.listen(0, '127.0.0.1', resolve));
    return new MindoraClient({ url: `http://127.0.0.1:${(started.address() as AddressInfo).port}` });
  }

  test('repeats a write that was refused before anything happened', async () => {
    const client = await clientOf('overloaded');
    await expect(client.call('conversation.create', { body: exchange })).resolves.toEqual(stored);
    expect(requests).toBe(2);
  });

  test('does not repeat a write that may have been done', async () => {
    const client = await clientOf('store_unavailable');
    const write = client.call('conversation.create', { body: exchange });
    await expect(write).rejects.toMatchObject({ code: 'store_unavailable', status: 503, retryable: true });
    expect(requests).toBe(1);
  });

  test('repeats it where the caller says that this adds nothing', async () => {
    const client = await clientOf('store_unavailable');
    const body = { ...exchange, conversation_id: 'c1' };
    await expect(client.call('conversation.create', { body }, { repeatable: true })).resolves.toEqual(stored);
    expect(requests).toBe(2);
  });

  test('does not repeat what can only fail again', async () => {
    const client = await clientOf('conflict');
    const write = client.call('conversation.create', { body: exchange }, { repeatable: true });
    await expect(write).rejects.toMatchObject({ code: 'conflict', status: 409, retryable: false });
    expect(requests).toBe(1);
  });
});
