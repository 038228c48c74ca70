import { MindoraError } from '@mindora/runtime';
import type { EngineDefinition } from '../definition.ts';
import type { EngineName } from '../port.ts';
import { mariadb } from './mariadb.ts';
import { mongodb } from './mongodb.ts';
import { nats } from './nats.ts';
import { postgres } from './postgres.ts';
import { rabbitmq } from './rabbitmq.ts';
import { redis } from './redis.ts';

const definitions: readonly EngineDefinition[] = [redis, mariadb, postgres, mongodb, nats, rabbitmq];

/** How an engine is installed, started and asked. */
export function definitionOf(name: EngineName): EngineDefinition {
  const definition = definitions.find((one) => one.name === name);
  if (definition === undefined) throw new MindoraError('invalid_request', `no engine ${name}`);
  return definition;
}
