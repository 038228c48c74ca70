import { describe, expect, test } from '@jest/globals';
import { systemClock, systemRandom } from '@mindora/runtime';
import { createEmbedder, embeddingId, lexicalThread } from '../src/embedder/index.ts';
import { lexicalVector } from '../src/embedder/lexical.ts';

const ports = { clock: systemClock(), random: systemRandom() };

function cosine(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0);
}

/** Each text and a paraphrase that shares some of its words. */
const paraphrases: readonly (readonly [string, string])[] = [
  ['今天北京的天气怎么样？', '北京今天天气如何，会下雨吗'],
  ['如何优化数据库的查询速度', '数据库查询太慢了，怎样加快'],
  ['请帮我写一份软件工程师的简历', '软件工程师求职简历应该怎么写'],
  ['推荐几本机器学习的入门书', '机器学习初学者读什么书好'],
  ['感冒发烧了应该吃什么药', '发烧感冒吃药要注意什么'],
  ['怎样申请美国留学签证', '去美国留学，签证的办理流程'],
  ['红烧肉的做法', '教我做红烧肉'],
  ['How do I make a slow Postgres query faster?', 'Speeding up slow queries in Postgres'],
  ['What is the capital of France?', "Tell me France's capital city"],
  ['Write a cover letter for a nursing job', 'I need a nursing cover letter'],
  ['How can I learn to play the guitar?', 'Learning guitar as a beginner'],
  ['Fix a memory leak in a Node.js server', 'My Node.js service leaks memory'],
  ['Best way to back up a MySQL database', 'MySQL database backups'],
  ['怎么用 Python 读取 Excel 文件', '用Python处理excel表格文件'],
];

describe('lexical embedder', () => {
  test('a paraphrase is nearest to its own text among all', () => {
    const vectors = paraphrases.map(([text]) => lexicalVector(text, 384));
    for (const [index, [, paraphrase]] of paraphrases.entries()) {
      const scores = vectors.map((vector) => cosine(vector, lexicalVector(paraphrase, 384)));
      expect([paraphrase, scores.indexOf(Math.max(...scores))]).toEqual([paraphrase, index]);
    }
  });

  test('vectors are unit vectors, the same in every call, and fold width and case', () => {
    for (const text of ['Hello, World', '数据库', '🎉', 'ภาษาไทย', 'x'.repeat(200_000)]) {
      const vector = lexicalVector(text, 384);
      expect(cosine(vector, vector)).toBeCloseTo(1, 5);
      expect(lexicalVector(text, 384)).toEqual(vector);
    }
    expect(lexicalVector('ＡＢＣ Ｄatabase', 64)).toEqual(lexicalVector('abc database', 64));
  });

  test('its bytes are fixed: another algorithm needs another name of the model', () => {
    const digest = embeddingId('', 0, lexicalVector('中文 and English 123', 384).join(' '));
    expect(digest).toBe('e985a1a2d4591bd10b4586fb34302d43a6d507b4a0c915132429a70a485e0681');
  });

  test('a text without words has the fixed vector', async () => {
    const embedder = createEmbedder({ kind: 'lexical', dimensions: 16 }, ports);
    const [empty, punctuation] = await embedder.embed(['', ' ,;! ']);
    expect(Array.from(empty ?? [])).toEqual([1, ...new Array<number>(15).fill(0)]);
    expect(punctuation).toEqual(empty);
  });

  test('says what it is, and refuses dimensions out of range', async () => {
    const embedder = createEmbedder({ kind: 'lexical' }, ports);
    expect(embedder).toMatchObject({ model: 'lexical-v1', dimensions: 384, kind: 'lexical' });
    expect((await embedder.health()).detail).toMatch('lexical');
    for (const dimensions of [15, 4097, 1.5]) {
      expect(() => createEmbedder({ kind: 'lexical', dimensions }, ports)).toThrow('dimensions must be 16 to 4096');
    }
  });

  test('runs in a thread of its own', async () => {
    const embedder = await lexicalThread({ dimensions: 64 });
    try {
      expect([embedder.model, embedder.dimensions, embedder.kind]).toEqual(['lexical-v1', 64, 'lexical']);
      const [vector] = await embedder.embed(['数据库 query']);
      expect(Array.from(vector ?? [])).toEqual(Array.from(lexicalVector('数据库 query', 64)));
    } finally {
      await embedder.close();
    }
  });
});

describe('identity of an embedding', () => {
  test('is 64 hex characters, and no two triples share it by moving a border', () => {
    const id = embeddingId('model', 384, 'text');
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect(embeddingId('model', 384, 'text')).toBe(id);
    const others = [
      embeddingId('model3', 84, 'text'),
      embeddingId('mode', 384, 'ltext'),
      embeddingId('model', 38, '4text'),
      embeddingId('model', 384, 'texT'),
    ];
    expect(new Set([id, ...others]).size).toBe(5);
  });
});
