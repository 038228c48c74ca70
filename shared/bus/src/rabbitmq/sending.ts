import { MindoraError } from '@mindora/runtime';
import type { ConfirmChannel, Message, Options } from 'amqplib';
import { withinMs } from '../server/bus.ts';
import type { Payload } from '../server/payload.ts';
import { requestMsMax } from './link.ts';
import type { LogState } from './state.ts';

export const headers = { log: 'mindora-log', n: 'mindora-n', filler: 'mindora-filler', at: 'mindora-at' } as const;

export interface Sending {
  readonly log: string;
  readonly isFiller: boolean;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Unlike that of any other sending: with the place of a batch it makes the message's id. */
  readonly epoch: string;
}

const durable: Options.Publish = { persistent: true, mandatory: true };

/** Sends batches in their order; resolves when the broker has confirmed that every queue has them. */
export async function sendBatches(
  channel: ConfirmChannel,
  exchange: string,
  batches: readonly (Payload & { readonly n: number })[],
  { log, isFiller, at, epoch }: Sending,
): Promise<void> {
  await confirmed(channel, (send) => {
    for (const [index, { partition, bytes, n }] of batches.entries()) {
      const values = { [headers.log]: log, [headers.n]: n, [headers.at]: at, [headers.filler]: isFiller };
      send(exchange, String(partition), bytes, { ...durable, messageId: `${epoch}-${index}`, headers: values });
    }
  });
}

/** Replaces the state. */
export async function sendState(channel: ConfirmChannel, queue: string, state: LogState): Promise<void> {
  await confirmed(channel, (send) => send('', queue, Buffer.from(JSON.stringify(state)), durable));
}

type Send = (exchange: string, key: string, bytes: Buffer, options: Options.Publish) => void;

/** @throws MindoraError `store_unavailable` where one is refused, goes to no queue, or isn't confirmed in time */
async function confirmed(channel: ConfirmChannel, sendAll: (send: Send) => void): Promise<void> {
  const confirmations: Promise<void>[] = [];
  let returned: Message | null = null;
  const onReturn = (message: Message): void => {
    returned = message;
  };
  channel.on('return', onReturn);
  try {
    sendAll((exchange, key, bytes, options) => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      confirmations.push(promise);
      channel.publish(exchange, key, bytes, options, (error: unknown) => {
        // A message that goes nowhere is returned, and confirmed after that.
        if (error === null || error === undefined) resolve();
        else reject(error);
      });
    });
    await withinMs(Promise.all(confirmations), requestMsMax);
    if (returned !== null) throw new MindoraError('store_unavailable', 'RabbitMQ has no queue for a batch');
  } finally {
    channel.off('return', onReturn);
  }
}
