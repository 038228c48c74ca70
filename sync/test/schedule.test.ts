import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { defaultRetention, encodePosition, type Role, scheduledRoles } from '@mindora/contracts';
import { until } from '@mindora/testing';
import { verify } from '../src/verify/index.ts';
import { insertConversation, World } from './support/world.ts';

const hourMs = 3_600_000;

let world: World;

beforeEach(async () => {
  world = await World.open();
});

afterEach(() => world.close());

function insertVote(id: string, user = 'user_1') {
  const row = { id, proposal_id: 'p1', user_id: user, choice: 'for' };
  return world.write({ op: 'insert', entity: 'dao_vote', row });
}

const statusOf = async (role: Role) => (await world.sync.status()).stores.find(({ store }) => store === role);

const held = (role: Role) => world.memory(role).lives();

/** The first period is over: nothing is open any more. */
async function rested(): Promise<void> {
  await until(async () => !(await statusOf('governance'))?.filling, 10_000, 'the first period is over');
}

function verifyAll(waitMs = 10_000) {
  const { primary, targets, bus, clock, embedder } = world;
  const parts = { version: 'test', ledger: primary.ledger, targets, bus, clock, embedder, retention: defaultRetention };
  const { sync } = world;
  const hooks = { reconciling: (role: Role) => sync.reconciling(role), hold: (role: Role) => sync.hold(role) };
  const options = { stores: null, entities: null, repair: false, dryRun: false, waitMs };
  return verify({ ...parts, ...hooks }, options);
}

describe('the special databases (A4.4)', () => {
  test('are filled when their time has come, the others at once', async () => {
    world.start({ specialEveryMs: hourMs });
    await rested();
    await insertVote('v1');
    await world.write(insertConversation('c1'));
    await until(() => held('relational').length > 0, 10_000, 'the relational store has the conversation');
    const status = await statusOf('governance');
    expect(status).toMatchObject({ everyMs: hourMs, filling: false, healthy: true });
    expect((await statusOf('relational'))?.everyMs).toBeNull();
    expect(held('governance')).toEqual([]);
  });

  test('with a short period come by themselves, again and again', async () => {
    world.start({ specialEveryMs: 50 });
    for (const id of ['v1', 'v2', 'v3']) {
      await insertVote(id, `user of ${id}`);
      await until(() => held('governance').includes(`dao_vote ${id}`), 10_000, `${id} has come`);
    }
  });

  test('with no period are filled at once', async () => {
    world.start({ specialEveryMs: 0 });
    await insertVote('v1');
    await until(() => held('governance').includes('dao_vote v1'), 10_000, 'the vote has come');
    expect((await statusOf('governance'))?.everyMs).toBeNull();
  });

  test('verify fills them first, and they agree', async () => {
    world.start({ specialEveryMs: hourMs });
    await rested();
    await insertVote('v1');
    const report = await verifyAll();
    expect(report.agree).toBe(true);
    expect(report.stores.governance).toMatchObject({ checked: 1, pending: 0, missing: 0 });
    expect(held('governance')).toEqual(['dao_vote v1']);
    await rested();
  });

  test('damage in one of them is found', async () => {
    world.start({ specialEveryMs: hourMs });
    await rested();
    await insertVote('v1');
    expect((await verifyAll()).agree).toBe(true);
    const forged = { id: 'v2', proposal_id: 'p1', user_id: 'user_2', choice: 'against' };
    const row = { ...forged, weight: '1.00', reason: null, created_at: null, updated_at: null };
    const item = { entity: 'dao_vote', id: 'v2', version: 1, owner: 'user_2', document: row, expiresAt: null } as const;
    await world.memory('governance').apply({ items: [item], positions: [] });
    expect((await verifyAll()).stores.governance).toMatchObject({ extra: 1 });
  });

  test('who waits for a position has them filled for it', async () => {
    world.start({ specialEveryMs: hourMs });
    await rested();
    const written = await insertVote('v1');
    await world.sync.waitFor('governance', encodePosition(written), 10_000);
    expect(held('governance')).toEqual(['dao_vote v1']);
  });

  test('one that is rebuilt while it rests is filled whole', async () => {
    world.start({ specialEveryMs: hourMs });
    await insertVote('v1');
    await world.settled();
    await rested();
    await insertVote('v2', 'user_2');
    await world.sync.rebuild('governance');
    expect(held('governance').sort()).toEqual(['dao_vote v1', 'dao_vote v2']);
  });

  test('what came while it rested is there after a stop and a start, whatever its hour', async () => {
    world.start({ specialEveryMs: hourMs });
    await rested();
    await insertVote('v1');
    await world.stop();
    expect(held('governance')).toEqual([]);
    await world.reopenBus();
    world.start({ specialEveryMs: hourMs });
    await until(() => held('governance').includes('dao_vote v1'), 10_000, 'the first period of the next life');
  });

  test('each of them holds its own entities alone', async () => {
    world.start({ specialEveryMs: 0 });
    await insertVote('v1');
    await world.write({
      op: 'insert',
      entity: 'identity_link',
      row: { user_id: 'user_1', other_user_id: 'user_2', link_type: 'follows' },
    });
    const company = { company_name: 'Acme', registration_number: '91310000' };
    await world.write({ op: 'insert', entity: 'company', row: company });
    await world.settled();
    expect(await world.differences()).toEqual([]);
    expect(scheduledRoles.map((role) => held(role).map((name) => name.split(' ')[0]))).toEqual([
      ['identity_link'],
      ['dao_vote'],
      ['company'],
    ]);
  });
});
