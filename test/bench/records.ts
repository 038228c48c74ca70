import type { Row } from '@mindora/contracts';
import type { Mutation } from '@mindora/stores';
import { seeded } from '@mindora/testing/plain';

const chance = seeded(20260101);
const users = 50;

/** Sentences of several languages; a conversation has two to six of them. */
const sentences = [
  '数据库的索引怎样加快查询？',
  '建立合适的索引可以减少扫描的行数，但是写入会变慢。',
  'How does a write-ahead log keep a commit through a crash?',
  'The page is appended to the log and flushed before the commit is answered.',
  'Wie lange hält sich gemahlener Kaffee?',
  'Luftdicht verschlossen etwa zwei Wochen, danach verliert er sein Aroma.',
  'Как приготовить борщ без свёклы?',
  'インデックスを作り直すのはいつですか。',
  '¿Qué diferencia hay entre una copia y una réplica?',
];

/** The fields of a conversation, about 300 characters; no two have the same text. */
export function conversation(number: number): Row {
  const some = (count: number): string =>
    Array.from({ length: count }, () => sentences[Math.floor(chance() * sentences.length)]).join(' ');
  const user = number % users;
  return {
    id: `bench-${number}`,
    user_id: `user_${user}`,
    session_id: `session-${user}-${Math.floor(number / 500)}`,
    user_input: `${number} ${some(2)}`,
    ai_response: some(4),
    model_name: 'deepseek-chat',
    context: { language: 'mixed', turn: number },
  };
}

export function insertion(number: number): Mutation {
  return { op: 'insert', entity: 'conversation', row: conversation(number) };
}
