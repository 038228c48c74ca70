/** A special database on MariaDB beside an INSERT of many rows into a table with the same columns and indexes. */
import { documentOf } from '@mindora/contracts';
import type { ApplyItem } from '@mindora/stores';
import { createStore } from '@mindora/stores/create';
import { connectMysql, newMysqlDatabase, type RawMysql } from '@mindora/testing/engines';
import { type ApplyBench, itemOf, type NewItem } from './harness.ts';

const createdAt = '2026-03-01T00:00:00.000000Z';
const entity = 'dao_proposal';
const { collection: table, key, fields } = documentOf('governance', entity);
const columns = Object.keys(fields);

export const mariadb: ApplyBench = {
  engine: 'mariadb',
  beside: 'one INSERT of the same rows',
  async open(engine) {
    const { adminUrl: url } = await newMysqlDatabase(engine);
    const store = await createStore('governance', { directory: '', dimensions: 0, connection: { url, namespace: '' } });
    const client = await connectMysql(url);
    await client.query(`CREATE TABLE raw LIKE ${table}`);
    return {
      store,
      kinds: { proposals: proposal },
      raw: (items, isNew) => prepareInsert(client, items, isNew),
      async close() {
        await store.close();
        await client.close();
      },
    };
  },
};

const proposal: NewItem = (number, version) => {
  const id = `bench-${number}`;
  const named = { title: `Proposal ${number}`, description: `text ${version} `.repeat(30) };
  const kind = { proposal_type: 'policy', status: 'active', quorum: 0.5 };
  const times = { starts_at: createdAt, ends_at: createdAt, created_at: createdAt, updated_at: createdAt };
  const given = { id, user_id: `user_${number % 50}`, ...named, ...kind, ...times };
  const document = Object.fromEntries(columns.map((field) => [field, field in given ? given[field as 'id'] : null]));
  return itemOf(entity, id, { version, document });
};

/** The rows as the store wrote them, so that theirs is the same content. */
async function prepareInsert(
  client: RawMysql,
  items: readonly ApplyItem[],
  isNew: boolean,
): Promise<() => Promise<unknown>> {
  const places = items.map(() => '?').join(', ');
  const ids = items.map(({ id }) => id);
  const rows = await client.query(`SELECT ${columns.join(', ')} FROM ${table} WHERE ${key} IN (${places})`, ids);
  const values = rows.flatMap((row) => columns.map((column) => row[column] as string));
  const marks = rows.map(() => `(${columns.map(() => '?').join(', ')})`).join(', ');
  const verb = isNew ? 'INSERT' : 'REPLACE';
  return () => client.query(`${verb} INTO raw (${columns.join(', ')}) VALUES ${marks}`, values);
}
