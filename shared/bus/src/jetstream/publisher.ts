import { type Clock, MindoraError, type Random } from '@mindora/runtime';
import { NatsError, type PubAck } from 'nats';
import { unavailable } from '../server/bus.ts';
import { type Payload, windowOf } from '../server/payload.ts';
import { type Link, requestMsMax } from './link.ts';
import type { Seen, Streams } from './streams.ts';

export interface PublisherTools {
  readonly clock: Clock;
  readonly random: Random;
}

/** A batch on its way, with the id by which the server knows a repetition. */
interface Outgoing extends Payload {
  readonly messageId: string;
}

/** For how long a publish is repeated. */
const patienceMs = 5000;
const pauseMs = 100;
const tooLarge = 'MAX_PAYLOAD_EXCEEDED';

/**
 * Appends batches to the streams. Each has an id of its own, made of an epoch of this publisher and a counter: the same
 * publish repeated after a lost answer is stored once, while the same states published anew (a re-drive) are new.
 */
export class Publisher {
  readonly #link: Link;
  readonly #streams: Streams;
  readonly #tools: PublisherTools;
  readonly #epoch: string;
  #counter = 0;

  constructor(link: Link, streams: Streams, tools: PublisherTools) {
    this.#link = link;
    this.#streams = streams;
    this.#tools = tools;
    this.#epoch = tools.random.id();
  }

  /** @throws MindoraError `store_unavailable` where not all could be stored within some seconds */
  async publish(payloads: readonly Payload[]): Promise<void> {
    const outgoing = payloads.map((payload) => ({ ...payload, messageId: `${this.#epoch}-${++this.#counter}` }));
    const deadline = this.#tools.clock.now() + patienceMs;
    for (let from = 0; from < outgoing.length; ) {
      const window = windowOf(outgoing, from);
      await this.#publishUntil(window, deadline);
      from += window.length;
    }
  }

  async #publishUntil(window: readonly Outgoing[], deadline: number): Promise<void> {
    for (let left = window; ; ) {
      const failed = await this.#publishOnce(left);
      if (failed.length === 0) return;
      const [{ error } = { error: null }] = failed;
      if (error instanceof MindoraError && !error.retryable) throw error;
      if (this.#tools.clock.now() >= deadline) throw unavailable('JetStream did not store a batch', error);
      // Lost streams are made again by the look at their heads.
      this.#streams.forget();
      await this.#tools.clock.sleep(pauseMs);
      left = failed.map(({ batch }) => batch);
    }
  }

  /** Sends all of them and waits for all answers; those that failed, in their order. */
  async #publishOnce(window: readonly Outgoing[]): Promise<{ batch: Outgoing; error: unknown }[]> {
    try {
      const seen = await this.#seen(window);
      const answers = await Promise.allSettled(window.map((batch) => this.#send(batch)));
      const failed = answers.flatMap((answer, index) => {
        const batch = window[index] as Outgoing;
        return answer.status === 'rejected' ? [{ batch, error: answer.reason as unknown }] : [];
      });
      await this.#noteStored(window, answers, seen);
      return failed;
    } catch (error) {
      return window.map((batch) => ({ batch, error }));
    }
  }

  async #seen(window: readonly Outgoing[]): Promise<Map<number, Seen>> {
    const seen = new Map<number, Seen>();
    for (const partition of new Set(window.map((batch) => batch.partition))) {
      seen.set(partition, await this.#streams.seenOf(partition));
    }
    return seen;
  }

  async #noteStored(
    window: readonly Outgoing[],
    answers: readonly PromiseSettledResult<PubAck>[],
    seen: ReadonlyMap<number, Seen>,
  ): Promise<void> {
    for (const [index, answer] of answers.entries()) {
      const partition = window[index]?.partition ?? 0;
      const before = seen.get(partition);
      // What was stored by an earlier attempt has the number that it got then.
      if (answer.status === 'rejected' || answer.value.duplicate || before === undefined) continue;
      await this.#streams.stored(partition, before, answer.value.seq);
    }
  }

  async #send({ partition, bytes, messageId: msgID }: Outgoing): Promise<PubAck> {
    const { client } = await this.#link.get();
    const streamName = this.#streams.nameOf(partition);
    try {
      const options = { msgID, expect: { streamName }, timeout: requestMsMax };
      return await client.publish(this.#streams.subjectOf(partition), bytes, options);
    } catch (error) {
      if (error instanceof NatsError && error.code === tooLarge) {
        throw new MindoraError('invalid_request', `the server takes no batch of ${bytes.length} bytes`, {
          cause: error,
        });
      }
      throw unavailable('JetStream did not store a batch', error);
    }
  }
}
