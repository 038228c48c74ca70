import { connect as connectRabbit } from 'amqplib';
import { connect } from 'nats';
import type { RunningEngine } from '../../src/engines/index.ts';

/** Purges a partition's stream, which takes its batches from all consumers. */
export async function emptyJetStream(
  { url }: RunningEngine,
  namespace: string,
  _: string,
  partition: number,
): Promise<void> {
  const { host, username: user, password: pass } = new URL(url);
  const connection = await connect({ servers: host, user, pass });
  await (await connection.jetstreamManager()).streams.purge(`${namespace}changes_${partition}`);
  await connection.close();
}

/** Purges the queue of one consumer and partition. */
export async function emptyRabbit(
  { url }: RunningEngine,
  namespace: string,
  consumer: string,
  partition: number,
): Promise<void> {
  const connection = await connectRabbit(url);
  const channel = await connection.createChannel();
  await channel.purgeQueue(`${namespace}changes_${partition}_${consumer}`);
  await connection.close();
}
