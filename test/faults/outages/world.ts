/** A version on engines of this run's own, and the outages that it is put through. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Role } from '@mindora/contracts';
import { MindoraClient } from '@mindora/sdk';
import type { EngineName } from '@mindora/testing/engines';
import { type BusName, type OwnEngines, startOwnEngines } from '../../support/own-engines.ts';
import { launchVersion, type RunningVersion, whenListening, whenReady } from '../../support/version.ts';
import { Violation } from '../model.ts';
import type { Watched } from './watch.ts';

/**
 * How an engine goes away: ended in order, killed, frozen with its connections open, away already when the version
 * starts; or its data lost with it, which only the bus may (rule 1).
 */
export const outageKinds = ['stop', 'kill', 'freeze', 'absent', 'lose'] as const;
export type OutageKind = (typeof outageKinds)[number];

const parts: Readonly<Partial<Record<EngineName, Watched>>> = {
  mariadb: { roles: ['governance', 'credit'], pending: true },
  postgres: { roles: ['relational', 'identity'], pending: false },
  redis: { roles: ['cache'], pending: false },
  mongodb: { roles: ['documents'], pending: false },
  elasticsearch: { roles: ['fulltext'], pending: false },
  neo4j: { roles: ['graph'], pending: false },
  weaviate: { roles: ['vectors'], pending: false },
  nats: { roles: [], pending: true },
  rabbitmq: { roles: [], pending: true },
};

/** What stands on an engine. */
export function partsOf(name: EngineName): Watched {
  return parts[name] ?? { roles: [] as Role[], pending: false };
}

export class OutageWorld {
  readonly engines: OwnEngines;
  #running: RunningVersion;

  private constructor(engines: OwnEngines, running: RunningVersion) {
    this.engines = engines;
    this.#running = running;
  }

  static async open(bus: BusName): Promise<OutageWorld> {
    const engines = await startOwnEngines(bus);
    try {
      return new OutageWorld(engines, await whenReady(engines.data, launch(engines)));
    } catch (error) {
      await engines.close();
      throw error;
    }
  }

  get version(): RunningVersion {
    return this.#running;
  }

  /** Each call is tried once, and given up after 30 s: the primary's driver waits 20 s for a statement. */
  get client(): MindoraClient {
    const { url, adminKey: apiKey } = this.#running;
    return new MindoraClient({ url, apiKey, attempts: 1, timeoutMs: 30_000 });
  }

  /** Takes an engine away. */
  async begin(name: EngineName, kind: OutageKind): Promise<void> {
    const engine = this.engines.of(name);
    if (kind === 'freeze') return engine.suspend();
    if (kind === 'kill' || kind === 'lose') await engine.kill();
    else await engine.stop();
    if (kind === 'lose') await rm(join(engine.directory, 'data'), { recursive: true });
    if (kind === 'absent') await this.#startAgain();
  }

  /** Brings it back; resolves when it answers. */
  async end(name: EngineName, kind: OutageKind): Promise<void> {
    const engine = this.engines.of(name);
    await (kind === 'freeze' ? engine.resume() : engine.restart());
  }

  /** The version is stopped before its engine, and comes up without it. @throws Violation */
  async #startAgain(): Promise<void> {
    const code = await this.#running.stop();
    if (code !== 0)
      throw new Violation(`SIGTERM was answered by exit code ${code}: ${this.#running.log().slice(-2000)}`);
    this.#running = await whenListening(this.engines.data, launch(this.engines));
  }

  async close(): Promise<void> {
    this.#running.kill();
    await this.#running.ended;
    await this.engines.close();
  }
}

function launch({ data, environment }: OwnEngines) {
  // Special databases are filled at once, so that each store is seen catching up.
  return launchVersion(data, { logLevel: 'warn', environment: { ...environment, MINDORA_SPECIAL_EVERY_MINUTES: '0' } });
}
