import { MindoraClient } from '@mindora/sdk';
import { startChild, temporaryDirectory } from '@mindora/testing/plain';
import { startVersion } from '../support/version.ts';
import { type Figures, type Measurement, percentile, perSecond, ratio } from './figures.ts';
import { type LoadResult, type LoadTarget, postFor } from './load.ts';
import { conversation } from './records.ts';

const connectionCounts = [1, 16];
const warmUpMs = 1500;
const forMs = 4000;
/** A user may ask 500 times a second; so many of them are not held back. */
const userCount = 8;

/** Writes over HTTP beside a bare server that does one durable insert for the same body. */
export async function measureGateway(): Promise<Measurement> {
  const directory = await temporaryDirectory();
  const bare = startChild<{ url: string }>(new URL('./bare-server.ts', import.meta.url), [
    directory.file('bare.sqlite'),
  ]);
  const version = await startVersion(directory.path);
  try {
    const { url } = await bare.message(() => true);
    const ours = { url: `${version.url}${path}`, keys: await makeUsers(version.url, version.adminKey) };
    const rows: Figures[] = [];
    for (const connections of connectionCounts) {
      rows.push(
        compare(connections, await load(ours, connections), await load({ url: url + path, keys: [] }, connections)),
      );
    }
    return {
      name: 'gateway',
      about: `POST ${path}, durable, with sync at work; bare: fastify and one durable insert`,
      rows,
    };
  } finally {
    await version.stop();
    await bare.kill();
    await directory.remove();
  }
}

const path = '/api/v1/ai/conversation';
let sent = 0;

async function load(target: LoadTarget, connections: number): Promise<LoadResult> {
  for (const phaseMs of [warmUpMs, forMs]) {
    const result = await postFor(target, bodyOf, { connections, forMs: phaseMs, firstNumber: sent });
    sent += result.requests + connections;
    if (phaseMs === forMs) return result;
  }
  throw new Error('no phase was measured');
}

function bodyOf(number: number, key: number): object {
  const { id, ...fields } = conversation(number);
  return { ...fields, conversation_id: id, user_id: userName(key) };
}

const userName = (key: number): string => `bench_${key}`;

async function makeUsers(url: string, apiKey: string): Promise<string[]> {
  const client = new MindoraClient({ url, apiKey });
  return Promise.all(
    Array.from({ length: userCount }, async (_, index) => {
      const user_id = userName(index);
      await client.call('config.user.create', {
        body: { user_id, username: user_id, email: `${user_id}@example.org` },
      });
      const { key } = await client.call('identity.createKey', { body: { user_id, name: 'bench' } });
      return key;
    }),
  );
}

function compare(connections: number, ours: LoadResult, bare: LoadResult): Figures {
  const rates = [ours, bare].map(({ requests, tookMs }) => perSecond(requests, tookMs));
  const p99 = [ours, bare].map(({ latenciesMs }) => percentile(latenciesMs, 0.99));
  return {
    connections,
    'requests/s': rates[0] ?? 0,
    'bare requests/s': rates[1] ?? 0,
    'ours : bare': ratio(rates[0] ?? 0, rates[1] ?? 0),
    'p50 ms': percentile(ours.latenciesMs, 0.5),
    'bare p50 ms': percentile(bare.latenciesMs, 0.5),
    'p99 ms': p99[0] ?? 0,
    'bare p99 ms': p99[1] ?? 0,
  };
}
