/** All engines of a version, started for one run alone: whoever stops or freezes them harms nobody else. */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EngineName, planOf, provision, type RunningEngine, startEngine } from '@mindora/testing/engines';

export type BusName = 'nats' | 'rabbitmq';

/** What a version needs to run on real engines; objects are used by nothing yet. */
export const storeEngines = [
  'mariadb',
  'postgres',
  'redis',
  'mongodb',
  'elasticsearch',
  'neo4j',
  'weaviate',
] as const satisfies readonly EngineName[];

export interface OwnEngines {
  readonly names: readonly EngineName[];
  /** A directory for the version's own data. */
  readonly data: string;
  /** `MINDORA_..._URL` of all of them. */
  readonly environment: Readonly<Record<string, string>>;
  /** @throws Error for an engine that this run has not */
  of(name: EngineName): RunningEngine;
  /** Stops them and removes all that they wrote. */
  close(): Promise<void>;
}

/** Many are looking for free ports at once, and one may lose its own to another before it listens. */
function startPatiently(name: EngineName, directory: string): Promise<RunningEngine> {
  return startEngine(name, { directory }).catch(() => startEngine(name, { directory: `${directory}-again` }));
}

/** Starts them side by side. */
export async function startOwnEngines(bus: BusName): Promise<OwnEngines> {
  const root = await mkdtemp(join(tmpdir(), 'mindora-own-'));
  // The engines' user has to pass.
  await chmod(root, 0o711);
  const names: EngineName[] = [...storeEngines, bus];
  const started = await Promise.allSettled(names.map((name) => startPatiently(name, join(root, name))));
  const engines = started.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const close = async (): Promise<void> => {
    await Promise.all(engines.map((engine) => engine.stop()));
    await rm(root, { recursive: true, force: true, maxRetries: 3 });
  };
  const failed = started.find((result) => result.status === 'rejected');
  if (failed !== undefined) {
    await close();
    throw failed.reason;
  }
  const addresses = await Promise.all(engines.map((engine) => provision[engine.name](engine, planOf('future'))));
  return {
    names,
    data: join(root, 'data'),
    environment: { MINDORA_ENGINES: 'real', ...Object.assign({}, ...addresses) },
    of: (name) => {
      const engine = engines.find((candidate) => candidate.name === name);
      if (engine === undefined) throw new Error(`this run has no ${name}`);
      return engine;
    },
    close,
  };
}
