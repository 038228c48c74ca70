/** The real engines of a test run, with the databases and accounts of a version, as `npm run engines` makes them. */
import { type EngineName, planOf, provision, type RunningEngine, sharedEngine } from '@mindora/testing/engines';
import { type BusName, storeEngines } from '../own-engines.ts';

/** Engines by name, started. */
export type Servers = ReadonlyMap<EngineName, RunningEngine>;

/** Started with the first call, then the same ones for the whole run. */
export async function runningServers(bus: BusName): Promise<Servers> {
  const names = [...storeEngines, bus];
  const engines = await Promise.all(names.map(async (name) => [name, await sharedEngine(name)] as const));
  return new Map(engines);
}

/** @throws Error where the run hasn't started it */
export function serverOf(servers: Servers, name: EngineName): RunningEngine {
  const server = servers.get(name);
  if (server === undefined) throw new Error(`${name} was not started`);
  return server;
}

/** Makes what a version needs in them; the addresses that it uses, by the names of their variables. */
export async function provisioned(servers: Servers): Promise<Readonly<Record<string, string>>> {
  const addresses: Record<string, string> = {};
  for (const [name, server] of servers) Object.assign(addresses, await provision[name](server, planOf('future')));
  return addresses;
}
