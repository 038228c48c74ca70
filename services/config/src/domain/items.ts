import { type EntityName, entity, type Json, type Row } from '@mindora/contracts';
import { writeOnly } from '@mindora/contracts/routes';
import { encryptSecret, Secret } from '@mindora/runtime';
import type { ConfigDependencies } from './dependencies.ts';

/** A row as clients see it: no secret columns, but whether the one that they may set is set (`has_password`). */
export function itemOf(name: EntityName, row: Row): Row {
  const columns = Object.entries(entity(name).columns).filter(([, column]) => column.secret !== true);
  const item: Row = Object.fromEntries(columns.map(([column]) => [column, row[column] ?? null]));
  const secret = writeOnly[name];
  if (secret !== undefined) item[`has_${secret.field}`] = row[secret.column] != null;
  return item;
}

type SealDependencies = Pick<ConfigDependencies, 'passwords' | 'masterKey' | 'random'>;

/** What a client sent, with its secret field turned into the column that is stored. */
export async function sealSecret(
  name: EntityName,
  id: string,
  body: Row,
  dependencies: SealDependencies,
): Promise<Row> {
  const secret = writeOnly[name];
  const value = secret === undefined ? undefined : body[secret.field];
  if (secret === undefined || typeof value !== 'string') return body;
  const { [secret.field]: _, ...row } = body;
  return { ...row, [secret.column]: await sealed(name, id, value, dependencies) };
}

async function sealed(name: EntityName, id: string, value: string, it: SealDependencies): Promise<string> {
  if (name === 'user') return it.passwords.hash(value);
  return encryptSecret(new Secret(value), it.masterKey, `${name}/${id}`, it.random);
}

/** A key is for the host that it was given for: where the endpoint moves to another one without a new key, it goes. */
export function withoutForeignKey(name: EntityName, present: Row, set: Row): Row {
  const { api_endpoint: endpoint } = set;
  if (name !== 'ai_service_config' || endpoint === undefined || set.api_key_encrypted !== undefined) return set;
  const isSame = originOf(endpoint) === originOf(present.api_endpoint);
  return isSame ? set : { ...set, api_key_encrypted: null };
}

function originOf(endpoint: Json | undefined): string | null {
  return typeof endpoint === 'string' ? (URL.parse(endpoint)?.origin ?? null) : null;
}
