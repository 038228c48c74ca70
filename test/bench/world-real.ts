/** The world of `world.ts` on servers of its own: only the personal store stays in files. */
import type { Role } from '@mindora/contracts';
import type { StoreConnection } from '@mindora/stores';
import { type BusName, startOwnEngines } from '../support/own-engines.ts';
import { openWorld, type World } from './world.ts';

const namespace = 'bench_';
const onServers = [
  'relational',
  'cache',
  'documents',
  'fulltext',
  'graph',
  'vectors',
] as const satisfies readonly Role[];

/** Starts the engines, and a version without its gateway on them. */
export async function openRealWorld(bus: BusName): Promise<World> {
  const engines = await startOwnEngines(bus);
  const urlOf = (part: string): string => engines.environment[`MINDORA_${part.toUpperCase()}_URL`] ?? '';
  const connection = (role: Role): [Role, StoreConnection] => [role, { url: urlOf(role), namespace }];
  try {
    const world = await openWorld({
      primary: { kind: 'mysql', url: urlOf('primary') },
      bus: { kind: bus === 'nats' ? 'jetstream' : 'rabbitmq', url: urlOf('bus'), namespace },
      stores: Object.fromEntries(onServers.map(connection)),
    });
    return {
      ...world,
      async close() {
        await world.close();
        await engines.close();
      },
    };
  } catch (thrown) {
    await engines.close();
    throw thrown;
  }
}
