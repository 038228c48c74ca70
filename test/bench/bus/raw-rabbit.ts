import { type ConsumeMessage, connect } from 'amqplib';
import { type OpenLane, partitions } from './lane.ts';

let lanes = 0;

/** The client alone: a quorum queue for each partition, confirmed and persistent; a consumer that has one in flight. */
export function rawRabbit(url: string): OpenLane {
  return async ({ bytes }, arrived) => {
    const connection = await connect(url, { noDelay: true });
    const sender = await connection.createConfirmChannel();
    const prefix = `raw${++lanes}_`;
    const queues = Array.from({ length: partitions }, (_, partition) => prefix + partition);
    for (const queue of queues) {
      await sender.assertQueue(queue, {
        durable: true,
        arguments: { 'x-queue-type': 'quorum', 'x-single-active-consumer': true },
      });
      const receiver = await connection.createChannel();
      await receiver.prefetch(1);
      await receiver.consume(queue, (message: ConsumeMessage | null) => {
        if (message === null) return;
        arrived();
        receiver.ack(message);
      });
    }
    return {
      async publish() {
        for (const queue of queues) sender.sendToQueue(queue, bytes, { persistent: true, mandatory: true });
        await sender.waitForConfirms();
      },
      close: () => connection.close(),
    };
  };
}
