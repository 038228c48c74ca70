/** Which door a part of a version has. Clients are loaded for engines that are there. */
import type { ServerPart } from '../../engines.ts';
import type { Door } from './door.ts';

const byScheme: Readonly<Record<string, () => Promise<Door>>> = {
  'mysql:': async () => (await import('./mysql.ts')).mysql,
  'postgres:': async () => (await import('./postgres.ts')).postgres,
  'postgresql:': async () => (await import('./postgres.ts')).postgres,
  'redis:': async () => (await import('./redis.ts')).redis,
  'rediss:': async () => (await import('./redis.ts')).redis,
  'mongodb:': async () => (await import('./mongodb.ts')).mongodb,
  'mongodb+srv:': async () => (await import('./mongodb.ts')).mongodb,
  'neo4j:': async () => (await import('./neo4j.ts')).neo4j,
  'neo4j+s:': async () => (await import('./neo4j.ts')).neo4j,
  'bolt:': async () => (await import('./neo4j.ts')).neo4j,
  'bolt+s:': async () => (await import('./neo4j.ts')).neo4j,
  'nats:': async () => (await import('./buses.ts')).nats,
  'tls:': async () => (await import('./buses.ts')).nats,
  'amqp:': async () => (await import('./buses.ts')).rabbitmq,
  'amqps:': async () => (await import('./buses.ts')).rabbitmq,
};

/** Those that are asked over HTTP, by what they serve. */
const byPart: Readonly<Partial<Record<ServerPart, () => Promise<Door>>>> = {
  fulltext: async () => (await import('./http-stores.ts')).elasticsearch,
  vectors: async () => (await import('./http-stores.ts')).weaviate,
  objects: async () => (await import('./minio.ts')).minio,
};

/** The door of a part, null where none is known for such an address. */
export async function doorOf(part: ServerPart, url: URL): Promise<Door | null> {
  return (await (byPart[part] ?? byScheme[url.protocol])?.()) ?? null;
}
