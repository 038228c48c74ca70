import { type ConsumerInfo, NatsError } from 'nats';
import type { PartitionLag } from '../port.ts';
import { unavailable, type Workers } from '../server/bus.ts';
import type { Link } from './link.ts';
import { nanosecondsPerMs, type StreamState, type Streams } from './streams.ts';

const consumerNotFound = 10_014;

/** How far consumers are behind. */
export class Lag {
  readonly #link: Link;
  readonly #streams: Streams;
  readonly #workers: Workers;
  /** When the batch after an acknowledged one was published; one for each consumer and partition. */
  readonly #oldest = new Map<string, { readonly after: number; readonly id: string; readonly at: number | null }>();

  constructor(link: Link, streams: Streams, workers: Workers) {
    this.#link = link;
    this.#streams = streams;
    this.#workers = workers;
  }

  async of(consumer: string): Promise<PartitionLag[]> {
    // The consumers after the streams: what one of them is through with then, includes the head.
    const states = await this.#streams.states();
    return Promise.all(states.map((state) => this.#lagOf(consumer, state)));
  }

  async #lagOf(consumer: string, state: StreamState): Promise<PartitionLag> {
    const { partition } = state;
    const info = await this.#infoOf(consumer, partition);
    const acknowledged = acknowledgedOf(info, state);
    const head = Math.max(state.head, acknowledged);
    const oldestAt = acknowledged < head ? await this.#oldestAt(consumer, state, acknowledged) : null;
    return { partition, head, acknowledged, oldestAt };
  }

  async #infoOf(consumer: string, partition: number): Promise<ConsumerInfo | null> {
    const { manager } = await this.#link.get();
    try {
      return await manager.consumers.info(this.#streams.nameOf(partition), consumer);
    } catch (error) {
      if (error instanceof NatsError && error.api_error?.err_code === consumerNotFound) return null;
      throw unavailable('JetStream failed', error);
    }
  }

  async #oldestAt(consumer: string, { partition, id }: StreamState, after: number): Promise<number | null> {
    const inHand = this.#workers.find(consumer, partition)?.inHand;
    if (inHand?.n === after + 1) return inHand.at;
    const name = `${partition} ${consumer}`;
    const known = this.#oldest.get(name);
    if (known?.after === after && known.id === id) return known.at;
    const at = await this.#publishedAt(partition, after + 1);
    this.#oldest.set(name, { after, id, at });
    return at;
  }

  /** Null where it was acknowledged or dropped in the meantime. */
  async #publishedAt(partition: number, seq: number): Promise<number | null> {
    const found = await this.#streams.read(partition, { seq, next_by_subj: this.#streams.subjectOf(partition) });
    return found === null ? null : Math.floor(Number(found.timestampNanos) / nanosecondsPerMs);
  }
}

/**
 * What a consumer won't get any more: what it acknowledged, and what the stream dropped, or somebody purged or deleted,
 * before it got there. A store that lacks any of it sees so by its position, without waiting for another batch.
 */
function acknowledgedOf(info: ConsumerInfo | null, { first, head }: StreamState): number {
  const dropped = Math.max(0, first - 1);
  if (info === null) return Math.min(dropped, head);
  const isThrough = info.num_pending === 0 && info.num_ack_pending === 0;
  return Math.max(info.ack_floor.stream_seq, dropped, isThrough ? head : 0);
}
