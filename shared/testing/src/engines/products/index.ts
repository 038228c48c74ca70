import { MindoraError } from '@mindora/runtime';
import type { EngineDefinition } from '../definition.ts';
import type { EngineName } from '../port.ts';
import { elasticsearch } from './elasticsearch.ts';
import { embeddings } from './embeddings.ts';
import { mariadb } from './mariadb.ts';
import { minio } from './minio.ts';
import { mongodb } from './mongodb.ts';
import { mysql } from './mysql.ts';
import { nats } from './nats.ts';
import { neo4j } from './neo4j.ts';
import { postgres } from './postgres.ts';
import { rabbitmq } from './rabbitmq.ts';
import { redis } from './redis.ts';
import { weaviate } from './weaviate.ts';

const definitions: readonly EngineDefinition[] = [
  redis,
  mariadb,
  mysql,
  postgres,
  mongodb,
  nats,
  rabbitmq,
  elasticsearch,
  neo4j,
  weaviate,
  minio,
  embeddings,
];

/** How an engine is installed, started and asked. */
export function definitionOf(name: EngineName): EngineDefinition {
  const definition = definitions.find((one) => one.name === name);
  if (definition === undefined) throw new MindoraError('invalid_request', `no engine ${name}`);
  return definition;
}
