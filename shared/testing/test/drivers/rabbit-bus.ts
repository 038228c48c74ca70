import { openBus } from '@mindora/bus';
import { systemClock, systemRandom } from '@mindora/runtime';
import { connect } from 'amqplib';
import { type BusDriver, consumers, partitions } from '../../src/bus/driver.ts';
import { sharedEngine } from '../../src/engines/index.ts';
import { namespaceOf } from './jetstream-bus.ts';

export const driver: BusDriver = {
  module: new URL(import.meta.url),
  async open(location, opening) {
    const { url } = await sharedEngine('rabbitmq');
    const settings = { kind: 'rabbitmq' as const, url, namespace: namespaceOf(location) };
    return openBus(settings, { clock: systemClock(), random: systemRandom(), ...opening });
  },
  async lose(location) {
    const { url } = await sharedEngine('rabbitmq');
    const connection = await connect(url);
    const channel = await connection.createChannel();
    const prefix = `${namespaceOf(location)}changes`;
    const queues = consumers.flatMap((consumer) => {
      return Array.from({ length: partitions }, (_, partition) => `${prefix}_${partition}_${consumer}`);
    });
    for (const queue of [...queues, `${prefix}_state`]) await channel.deleteQueue(queue);
    await channel.deleteExchange(prefix);
    await connection.close();
  },
};
