import { createHash } from 'node:crypto';
import { openBus } from '@mindora/bus';
import { systemClock, systemRandom } from '@mindora/runtime';
import { connect } from 'nats';
import type { BusDriver } from '../../src/bus/driver.ts';
import { sharedEngine } from '../../src/engines/index.ts';

/** Each location has streams of its own on the shared server. */
export function namespaceOf(location: string): string {
  return `test_${createHash('sha256').update(location).digest('hex').slice(0, 12)}_`;
}

export const driver: BusDriver = {
  module: new URL(import.meta.url),
  async open(location, opening) {
    const { url } = await sharedEngine('nats');
    const settings = { kind: 'jetstream' as const, url, namespace: namespaceOf(location) };
    return openBus(settings, { clock: systemClock(), random: systemRandom(), ...opening });
  },
  async lose(location) {
    const { url } = await sharedEngine('nats');
    const { host, username: user, password: pass } = new URL(url);
    const connection = await connect({ servers: host, user, pass });
    const manager = await connection.jetstreamManager();
    const namespace = namespaceOf(location);
    for await (const { config } of manager.streams.list()) {
      if (config.name.startsWith(namespace)) await manager.streams.delete(config.name);
    }
    await connection.close();
  },
};
