import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Row } from '@mindora/contracts';
import type { GraphStore } from '@mindora/stores';
import { createStore } from '@mindora/stores/create';
import {
  fill,
  principalOf,
  type StartedServices,
  startServices,
  type TemporaryDirectory,
  temporaryDirectory,
} from '@mindora/testing';
import { createGraphService } from '../src/index.ts';

const as = principalOf('u1');
let directory: TemporaryDirectory;
let graph: GraphStore;
let services: StartedServices;

function conversation(conversationId: string, second: number, fields: Row = {}): Row {
  const createdAt = `2026-01-31T12:00:${String(second).padStart(2, '0')}.000000Z`;
  const texts = { userInput: `ask ${conversationId}`, aiResponse: 'answer' };
  return { conversationId, userId: 'u1', sessionId: 's1', modelName: 'm', ...texts, createdAt, ...fields };
}

function analysis(analysisId: string, userId: string, skills: string[]): Row {
  return { analysisId, userId, analysisType: 'resume', skills, createdAt: '2026-01-31T12:00:00.000000Z' };
}

beforeEach(async () => {
  directory = await temporaryDirectory();
  graph = await createStore('graph', { directory: directory.path, dimensions: 4 });
  services = await startServices(createGraphService({ graph }));
});

afterEach(async () => {
  await services.stop();
  await graph.close();
  await directory.remove();
});

const keysOf = (nodes: unknown): string[] => (nodes as { key: string }[]).map(({ key }) => key);
const ids = (relations: unknown): string[] => (relations as { id: string }[]).map(({ id }) => id);

describe('the graph (A2.5)', () => {
  beforeEach(async () => {
    await fill(graph, 'conversation', [
      conversation('a', 1),
      conversation('b', 2),
      conversation('x', 3, { userId: 'u2' }),
      conversation('y', 4, { userId: 'u2', sessionId: 's9' }),
    ]);
    await fill(graph, 'analysis', [analysis('n1', 'u1', ['Go', 'SQL']), analysis('n2', 'u2', ['Go'])]);
  });

  test('what is around a user', async () => {
    const { nodes, edges, truncated } = await services.call('graph.user', { params: { user_id: 'u1' }, as });
    expect(keysOf(nodes)).toEqual(expect.arrayContaining(['u1', 's1', 'a', 'b', 'm', 'Go', 'SQL']));
    expect(keysOf(nodes)).not.toContain('x');
    expect(edges).toContainEqual(expect.objectContaining({ type: 'HAS_SESSION', from: 'AIUser:u1' }));
    expect(truncated).toBe(false);
  });

  test("a session's chain holds the caller's conversations only", async () => {
    const chain = async (who = as) =>
      keysOf((await services.call('graph.chain', { params: { session_id: 's1' }, as: who })).conversations);
    expect(await chain()).toEqual(['a', 'b']);
    expect(await chain(principalOf('u2'))).toEqual(['x']);
    expect(await chain(principalOf('admin_001', 'admin'))).toEqual(['a', 'b', 'x']);
  });

  test('related conversations of another are hidden', async () => {
    await graph.relate('a', 'e', [
      { id: 'b', score: 0.5 },
      { id: 'x', score: 0.9 },
    ]);
    const related = async (conversation_id: string, who = as) =>
      ids((await services.call('graph.related', { params: { conversation_id }, as: who })).related);
    expect(await related('a')).toEqual(['b']);
    expect(await related('a', principalOf('u2'))).toEqual([]);
    expect(await related('a', principalOf('admin_001', 'admin'))).toEqual(['x', 'b']);
  });

  test('a path is found within what the caller may see', async () => {
    const path = async (query: object, who = as) => (await services.call('graph.path', { query, as: who })).path;
    const own = await path({ from: 'AIUser:u1', to: 'AIConversation:b' });
    expect(own).toMatchObject({ edges: [{}, {}] });
    expect(await path({ from: 'AIUser:u1', to: 'AIUser:u2' })).toBeNull();
    expect(await path({ from: 'AIUser:u1', to: 'AIConversation:x' })).toBeNull();
    expect(await path({ from: 'AIUser:u1', to: 'AIUser:u2' }, principalOf('admin_001', 'admin'))).not.toBeNull();
  });

  test.each([['User:u1'], ['AIUser:'], ['AIUser'], [':u1'], ['toString:x']])('%s names no node', async (from) => {
    const query = { from, to: 'AIModel:m' };
    await expect(services.call('graph.path', { query, as })).rejects.toMatchObject({ code: 'invalid_request' });
  });

  test('only administrators compare users', async () => {
    const similar = (who: typeof as) =>
      services.call('graph.similar', { params: { user_id: 'u1' }, as: { ...who, permissions: ['user_manage'] } });
    await expect(similar(as)).rejects.toMatchObject({ code: 'forbidden' });
    const { users } = await similar(principalOf('admin_001', 'admin'));
    expect(users).toEqual([{ user_id: 'u2', shared: expect.any(Array), score: expect.any(Number) }]);
  });

  test('skills, of one user or of all', async () => {
    const skills = async (who: typeof as) => (await services.call('graph.skills', { as: who })).skills;
    expect(await skills(principalOf('admin_001', 'admin'))).toEqual([
      { skill: 'Go', users: 2 },
      { skill: 'SQL', users: 1 },
    ]);
    expect((await skills(principalOf('u2'))) as object[]).toMatchObject([{ skill: 'Go' }]);
  });
});

test('recommended is what is related to the latest: own, earlier, best first', async () => {
  const latest = [11, 12, 13, 14, 15].map((second) => conversation(`new${second}`, second));
  const earlier = [conversation('old1', 1), conversation('old2', 2), conversation('old3', 3)];
  await fill(graph, 'conversation', [...latest, ...earlier, conversation('x', 4, { userId: 'u2' })]);
  await graph.relate('new11', 'e', [
    { id: 'x', score: 0.99 },
    { id: 'new12', score: 0.9 },
    { id: 'old1', score: 0.3 },
    { id: 'old2', score: 0.6 },
  ]);
  await graph.relate('new15', 'e', [{ id: 'old1', score: 0.7 }]);
  await graph.relate('old1', 'e', [{ id: 'old3', score: 0.95 }]);
  const recommended = async (limit: number) => {
    const request = { params: { user_id: 'u1' }, query: { limit }, as };
    return ids((await services.call('graph.recommend', request)).recommendations);
  };
  expect(await recommended(10)).toEqual(['old1', 'old2']);
  expect(await recommended(1)).toEqual(['old1']);
});
