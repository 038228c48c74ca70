/** Who waited for a record finds it (rule 13), also in a store whose queries see writes only a while later. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { defaultRetention, encodePosition, positionRecordsMax } from '@mindora/contracts';
import { silentLogger, systemClock } from '@mindora/runtime';
import type { FullTextStore, PrimaryLedger } from '@mindora/stores';
import { openElasticFullText } from '@mindora/stores/fulltext/elasticsearch';
import { sharedEngine } from '@mindora/testing/engines';
import { Parking } from '../src/parking.ts';
import { Waits } from '../src/waits.ts';
import { insertConversation, memoryTargets, World } from './support/world.ts';

const rounds = 20;
const clock = systemClock();
/** Nothing is parked and nothing expires here, so it is never asked. */
const ledger = {} as PrimaryLedger;
let store: FullTextStore;

async function open(): Promise<FullTextStore> {
  const { url } = await sharedEngine('elasticsearch');
  return openElasticFullText({ connection: { url, namespace: 'waits_' }, clock });
}

beforeAll(async () => {
  store = await open();
  await store.migrate();
  await store.wipe();
});
afterAll(async () => {
  await store.wipe();
  await store.close();
});

function document(id: string, text: string) {
  const exchange = { user_id: 'u1', session_id: 's1', user_input: text, ai_response: '', model_name: 'm' };
  return { conversation_id: id, ...exchange, created_at: '2026-01-01T00:00:00.000000Z', tags: [], metadata: null };
}

async function finds(query: string): Promise<boolean> {
  const filters = { userId: null, analysisType: null, limit: 10, sort: 'newest', after: null } as const;
  return (await store.search({ entity: 'conversation', query, ...filters })).hits.length === 1;
}

test('a search after the wait finds what was waited for, whether the wait began before or after it was applied', async () => {
  const parking = new Parking('fulltext', ledger, silentLogger());
  const waits = new Waits({ role: 'fulltext', target: store, ledger, parking, clock, retention: defaultRetention });
  for (let version = 1; version <= rounds; version++) {
    const record = { entity: 'conversation', id: 'a', version } as const;
    const item = { ...record, owner: 'u1', document: document('a', `round${version}`), expiresAt: null };
    const wait = () => waits.holds([record], clock.now() + 10_000);
    const early = version % 2 === 0 ? wait() : null;
    await store.apply({ items: [item], positions: [] });
    waits.applied([record]);
    await (early ?? wait());
    expect(await finds(`round${version}`)).toBe(true);
  }
});

test('so it does where more was written at once than a position lists', async () => {
  const world = await World.open({ targets: new Map([...memoryTargets(), ['fulltext', await open()]]) });
  try {
    world.start();
    for (let round = 0; round < rounds; round++) {
      const ids = Array.from({ length: positionRecordsMax + 1 }, (_, i) => `r${round}_${i}`);
      const written = await world.write(...ids.map((id) => insertConversation(id, 'u1', `unit${round} word${id}`)));
      await world.sync.waitFor('fulltext', encodePosition(written), 10_000);
      expect(await finds(`word${ids.at(-1)}`)).toBe(true);
    }
  } finally {
    await world.close();
  }
});
