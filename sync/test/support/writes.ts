import type { EntityName, Row } from '@mindora/contracts';
import type { Mutation, Primary } from '@mindora/stores';
import { insertAnalysis, insertConversation } from './world.ts';

export { seeded } from '@mindora/testing/plain';

const ids = 60;
const largeCharacters = 300_000;

/** Writes one random unit: inserts, updates, deletes and re-inserts over few keys, now and then a large record. */
export async function writeRandomly(primary: Primary, random: () => number): Promise<void> {
  const pick = (count: number): number => Math.floor(random() * count);
  const number = pick(ids);
  const user = `user_${number % 7}`;
  const entity: EntityName = (['conversation', 'conversation', 'analysis', 'profile'] as const)[pick(4)] ?? 'profile';
  const id = entity === 'profile' ? user : `${entity}_${number}`;
  const text = random() < 0.01 ? '大'.repeat(largeCharacters) : `text ${pick(20)}`;
  const exists = (await primary.records.get({ entity, id })) !== null;
  await primary.records.write([mutation(entity, id, user, text, exists, random())]);
}

function mutation(
  entity: EntityName,
  id: string,
  user: string,
  text: string,
  exists: boolean,
  choice: number,
): Mutation {
  if (exists && choice < 0.3) return { op: 'delete', entity, id };
  if (exists) return { op: 'update', entity, id, set: changeOf(entity, text) };
  if (entity === 'conversation') return insertConversation(id, user, text);
  if (entity === 'analysis') return insertAnalysis(id, user, { skills: [text.slice(0, 20)] });
  return { op: 'insert', entity: 'profile', row: { user_id: id, profile: { likes: text.slice(0, 20) } } };
}

function changeOf(entity: EntityName, text: string): Row {
  if (entity === 'conversation') return { user_input: text };
  if (entity === 'analysis') return { input_content: text };
  return { profile: { likes: text.slice(0, 20) } };
}
