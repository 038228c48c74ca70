import { AckPolicy, type ConsumerMessages, connect, StorageType } from 'nats';
import { consumer, type OpenLane, partitions } from './lane.ts';

let lanes = 0;

/** The client alone: a stream in files for each partition, confirmed; a durable consumer that has one in flight. */
export function rawNats(url: string): OpenLane {
  return async ({ bytes }, arrived) => {
    const { host, username: user, password: pass } = new URL(url);
    const connection = await connect({ servers: host, user, pass });
    const manager = await connection.jetstreamManager();
    const client = connection.jetstream();
    const prefix = `raw${++lanes}_`;
    const feeds: ConsumerMessages[] = [];
    for (let partition = 0; partition < partitions; partition++) {
      const name = prefix + partition;
      await manager.streams.add({ name, subjects: [name], storage: StorageType.File });
      await manager.consumers.add(name, {
        durable_name: consumer,
        ack_policy: AckPolicy.Explicit,
        max_ack_pending: 1,
      });
      const messages = await (await client.consumers.get(name, consumer)).consume({ max_messages: 1 });
      feeds.push(messages);
      void (async () => {
        for await (const message of messages) {
          arrived();
          message.ack();
        }
      })();
    }
    const names = Array.from({ length: partitions }, (_, partition) => prefix + partition);
    return {
      async publish() {
        await Promise.all(names.map((name) => client.publish(name, bytes)));
      },
      async close() {
        await Promise.all(feeds.map((messages) => messages.close()));
        await connection.close();
      },
    };
  };
}
