import type { EngineName, RunningEngine } from './port.ts';

/** What is asked of the process that manages shared engines; one a connection, as JSON. */
export interface Request {
  readonly name: EngineName;
  readonly action: 'start' | 'stop' | 'kill' | 'restart' | 'suspend' | 'resume' | 'end';
}

export interface Answer {
  readonly engine?: EngineDescription;
  readonly error?: string;
}

/** A running engine's values. */
export type EngineDescription = Pick<RunningEngine, 'name' | 'product' | 'url' | 'addresses' | 'pid' | 'directory'>;

/** The values of an engine, for another process. */
export function describe(engine: RunningEngine): EngineDescription {
  const { name, product, url, addresses, pid, directory } = engine;
  return { name, product, url, addresses, pid, directory };
}
