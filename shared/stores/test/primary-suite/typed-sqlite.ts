/** SQLite takes any type in any column. */
import { expect, test } from '@jest/globals';
import { startPrimary } from './world.ts';

test('what was typed by hand comes back canonical, or as it is', async () => {
  const it = await startPrimary();
  await it.raw.exec(`
    INSERT INTO ai_analysis_results (id, user_id, analysis_type, input_content, analysis_result, confidence_score,
      processing_time, created_at) VALUES
      ('typed1', 'u1', 't', 'text', '{"n": 9007199254740993}', 'high', 9223372036854775807, '2026-01-02 03:04:05'),
      ('typed2', 'u1', 't', x'e4b8ad', 'no json', 9e999, 'soon', 'yesterday');
    INSERT INTO financial_records (id, user_id, transaction_type, amount, transaction_date)
      VALUES ('typed', 'u1', 'income', 12.5, '2026-01-01'), ('typed3', 'u1', 'income', '1.2345', '2026-01-01');
  `);
  const get = (id: string) => it.primary.records.get({ entity: 'analysis', id });
  expect(await get('typed1')).toMatchObject({
    analysis_result: { n: '9007199254740993' },
    confidence_score: 'high',
    processing_time: '9223372036854775807',
    created_at: '2026-01-02T03:04:05.000000Z',
  });
  expect(await get('typed2')).toMatchObject({
    input_content: '中',
    analysis_result: 'no json',
    confidence_score: 'Infinity',
    processing_time: 'soon',
    created_at: 'yesterday',
  });
  const found = await it.primary.records.find({ entity: 'financial_record', after: 'typ', limit: 9 });
  expect(found.map((row) => row.amount)).toEqual(['12.50', '1.2345']);
  await it.end();
});
