import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { decodePosition, type Row } from '@mindora/contracts';
import { systemRandom } from '@mindora/runtime';
import { type CacheStore, openPrimary, type Primary, type RelationalStore } from '@mindora/stores';
import { createStore } from '@mindora/stores/create';
import {
  fill,
  principalOf,
  type StartedServices,
  startServices,
  type TemporaryDirectory,
  temporaryDirectory,
} from '@mindora/testing';
import { createAnalysisService } from '../src/index.ts';

const dimensions = 4;
const as = principalOf('u1');
const analysis = {
  user_id: 'u1',
  analysis_type: 'resume',
  input_content: 'A CV',
  analysis_result: { skills: ['Go'] },
};

let directory: TemporaryDirectory;
let primary: Primary;
let cache: CacheStore;
let relational: RelationalStore;
let services: StartedServices;

beforeEach(async () => {
  directory = await temporaryDirectory();
  primary = await openPrimary({ file: directory.file('primary.db') });
  await primary.migrate();
  cache = await createStore('cache', { directory: directory.path, dimensions });
  relational = await createStore('relational', { directory: directory.path, dimensions });
  const dependencies = { primary: primary.records, cache, relational, random: systemRandom() };
  services = await startServices(createAnalysisService(dependencies));
});

afterEach(async () => {
  await services.stop();
  await Promise.all([relational.close(), cache.close(), primary.close()]);
  await directory.remove();
});

const create = (body: object) => services.call('analysis.create', { body, as });
const statistics = async (query: object, who = principalOf('admin_001', 'admin')) =>
  (await services.call('analysis.statistics', { query, as: who })).statistics;

describe('analyses (A1.2)', () => {
  test('are stored, changed and removed; score and time may be left out', async () => {
    const { analysis_id } = await create(analysis);
    const params = { analysis_id };
    const read = await services.call('analysis.get', { params, as });
    const empty = { confidence_score: null, processing_time: null };
    expect(read).toMatchObject({ source: 'primary', analysis: { id: analysis_id, ...analysis, ...empty } });
    const body = { confidence_score: 0.5, processing_time: 12, analysis_result: [1, { a: null }] };
    const changed = await services.call('analysis.update', { params, body, as });
    expect(changed.analysis).toMatchObject({ ...analysis, ...body });
    expect(decodePosition(String(changed.position))).toMatchObject({ records: [{ id: analysis_id, version: 2 }] });
    const foreign = services.call('analysis.get', { params, as: principalOf('u2') });
    await expect(foreign).rejects.toMatchObject({ code: 'not_found' });
    await services.call('analysis.remove', { params, as });
    await expect(services.call('analysis.get', { params, as })).rejects.toMatchObject({ code: 'not_found' });
  });

  test('with an own id the same again adds nothing', async () => {
    const own = { ...analysis, analysis_id: 'mine', confidence_score: 0.25 };
    expect(await create(own)).toEqual(await create(own));
    await expect(create({ ...own, confidence_score: 0.5 })).rejects.toMatchObject({ code: 'conflict' });
  });

  test('each item of a batch stands by itself', async () => {
    const items = [
      { ...analysis, analysis_id: 'a' },
      { ...analysis, confidence_score: 2 },
      { ...analysis, more: 1 },
    ];
    const { results } = await services.call('analysis.createBatch', { body: { items }, as });
    expect(results).toMatchObject([
      { index: 0, status: 'success', analysis_id: 'a' },
      { index: 1, status: 'error', problem: { code: 'invalid_request', errors: [{ path: 'confidence_score' }] } },
      { index: 2, status: 'error', problem: { code: 'invalid_request' } },
    ]);
  });

  const row = (id: string, second: number, fields: Row = {}): Row => {
    const created_at = `2026-01-31T12:00:0${second}.000000Z`;
    const times = { created_at, updated_at: created_at };
    return { id, ...analysis, confidence_score: null, processing_time: 7, ...times, ...fields };
  };

  test('are listed newest first, by type, as records', async () => {
    const rows = [row('a', 1), row('b', 2, { analysis_type: 'other' }), row('c', 3), row('d', 4, { user_id: 'u2' })];
    await fill(relational, 'analysis', rows);
    const list = async (query: object) =>
      (await services.call('analysis.list', { params: { user_id: 'u1' }, query, as })).analyses as Row[];
    expect((await list({})).map(({ id }) => id)).toEqual(['c', 'b', 'a']);
    expect(await list({ analysis_type: 'other' })).toEqual([rows[1]]);
  });

  test('are counted and averaged, of one user or of all (A1.5)', async () => {
    expect(await statistics({})).toEqual({ total_analyses: 0, average_confidence: null });
    const scores = [0.5, null, 1];
    await fill(
      relational,
      'analysis',
      scores.map((score, i) => row(`${i}`, i, { confidence_score: score })),
    );
    await fill(relational, 'analysis', [row('x', 9, { user_id: 'u2', confidence_score: 0 })]);
    expect(await statistics({})).toEqual({ total_analyses: 4, average_confidence: 0.5 });
    expect(await statistics({ user_id: 'u1' })).toEqual({ total_analyses: 3, average_confidence: 0.75 });
    expect(await statistics({}, principalOf('u2'))).toEqual({ total_analyses: 1, average_confidence: 0 });
  });
});
