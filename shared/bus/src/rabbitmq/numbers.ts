import type { Clock, Logger, Random } from '@mindora/runtime';
import type { ConfirmChannel, GetMessage } from 'amqplib';
import { unavailable, withinMs } from '../server/bus.ts';
import type { Payload } from '../server/payload.ts';
import { Turns } from '../server/turns.ts';
import { closeQuietly, type Link, listened, replyCodeOf, requestMsMax } from './link.ts';
import { sendBatches, sendState } from './sending.ts';
import { advanced, doubtful, isSettled, type LogState, newState, parseState, settled, wentBack } from './state.ts';
import type { Topology } from './topology.ts';

export interface NumbersTools {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

const [notFound, locked] = [404, 405];
/** So long is a state that isn't there waited for: somebody else may be looking at it. */
const stateWaitMs = 2000;
const stateAgainMs = 50;
/** After so long without a publish the numbers are given free, for a publisher elsewhere. */
const idleMs = 3000;

interface Held {
  readonly channel: ConfirmChannel;
  state: LogState;
}

/**
 * Who counts. RabbitMQ has no numbers of its own, so one publisher at a time holds them, by a queue that the broker
 * gives to one connection alone. All publishing goes over that same connection: a publisher that lost its hold, because
 * the broker gave its connection up, can't send anything any more. So two publishers never use a number twice, also
 * where the lease of capture was lost.
 */
export class Numbers {
  readonly #link: Link;
  readonly #topology: Topology;
  readonly #tools: NumbersTools;
  readonly #turns = new Turns();
  #held: Held | null = null;
  #known: LogState | null = null;
  #reading: Promise<LogState> | null = null;
  #usedAt = 0;
  readonly #cancelIdle: () => void;

  constructor(link: Link, topology: Topology, tools: NumbersTools) {
    this.#link = link;
    this.#topology = topology;
    this.#tools = tools;
    link.onLost(() => {
      this.#held = null;
    });
    this.#cancelIdle = tools.clock.every(idleMs / 3, () => this.#releaseIdle());
  }

  /** As last seen. */
  get known(): LogState | null {
    return this.#known;
  }

  /** The state now. Makes a log where there is none, and fills what an earlier publisher left in doubt. */
  async current(): Promise<LogState> {
    if (this.#held !== null) return this.#held.state;
    this.#reading ??= this.#read().finally(() => {
      this.#reading = null;
    });
    return this.#reading;
  }

  /** Publishes with the next numbers; resolves when all is confirmed. @throws MindoraError `store_unavailable` */
  publish(payloads: readonly Payload[]): Promise<void> {
    return this.#turns.run(() => {
      return this.#holding(async (held) => {
        const partitions = payloads.map(({ partition }) => partition);
        const next = advanced(held.state, partitions);
        await this.#write(held.channel, next);
        const numbers = [...held.state.after];
        const numbered = payloads.map((payload) => {
          const n = (numbers[payload.partition] ?? 0) + 1;
          numbers[payload.partition] = n;
          return { ...payload, n };
        });
        await this.#send(held.channel, next, numbered);
        held.state = next;
      });
    });
  }

  /** Another incarnation, with numbers and batches as they are. */
  renew(): Promise<void> {
    return this.#turns.run(() => {
      return this.#holding(async (held) => {
        const next = { ...settled(held.state), incarnation: this.#tools.random.id() };
        await this.#write(held.channel, next);
        held.state = next;
      });
    });
  }

  /** Notes that nothing is in doubt, and gives the numbers free. */
  async close(): Promise<void> {
    this.#cancelIdle();
    await this.#turns.run(() => this.#release());
  }

  async #holding(work: (held: Held) => Promise<void>): Promise<void> {
    const held = await this.#hold();
    this.#usedAt = this.#tools.clock.now();
    try {
      await work(held);
    } catch (error) {
      // What of it was done nobody knows; the state tells whoever holds the numbers next.
      this.#held = null;
      await this.#link.drop();
      throw unavailable('RabbitMQ did not store a batch', error);
    }
  }

  async #hold(): Promise<Held> {
    if (this.#held !== null) return this.#held;
    const connection = await this.#link.get();
    try {
      const lock = { exclusive: true, autoDelete: true, durable: false };
      await this.#link.ask((channel) => channel.assertQueue(this.#topology.lockQueue, lock));
      const isNew = (await this.#topology.countsOf(this.#link, this.#topology.stateQueue)) === null;
      await this.#topology.ensure(this.#link);
      const channel = listened(await withinMs(connection.createConfirmChannel(), requestMsMax));
      const held = { channel, state: await this.#begin(channel, isNew) };
      this.#usedAt = this.#tools.clock.now();
      this.#held = held;
      return held;
    } catch (error) {
      if (replyCodeOf(error) === locked) throw unavailable('another publisher holds the numbers of the bus');
      await this.#link.drop();
      throw unavailable('RabbitMQ failed', error);
    }
  }

  /** The state that the last publisher left, put in order. */
  async #begin(channel: ConfirmChannel, isNew: boolean): Promise<LogState> {
    const found = isNew ? null : await this.#peek();
    const { partitions } = this.#topology.settings;
    if (found === null || wentBack(found, this.#known) || found.after.length !== partitions) {
      return this.#beginAnew(channel, found);
    }
    if (isSettled(found)) {
      this.#known = found;
      return found;
    }
    // Empty batches take the places of those that may be missing. One that comes beside the real one is dropped by
    // consumers; one that comes first does no harm, because batches are applied whatever their number.
    const fillers = doubtful(found).map(({ partition, n }) => ({ partition, n, bytes: Buffer.from('[]') }));
    await this.#send(channel, found, fillers, true);
    const next = settled(found);
    await this.#write(channel, next);
    return next;
  }

  async #beginAnew(channel: ConfirmChannel, found: LogState | null): Promise<LogState> {
    const { partitions } = this.#topology.settings;
    const serial = Math.max(found?.serial ?? 0, this.#known?.serial ?? 0) + 1;
    await this.#topology.clear(this.#link, found?.after.length ?? 0);
    const state = newState(partitions, this.#tools.random, serial);
    await this.#write(channel, state);
    this.#tools.logger.info({ found: found !== null }, 'a new log begins on RabbitMQ');
    return state;
  }

  async #read(): Promise<LogState> {
    const found = await this.#peekIfThere();
    const { partitions } = this.#topology.settings;
    const isUsual = found !== null && isSettled(found) && found.after.length === partitions;
    if (isUsual && !wentBack(found, this.#known)) {
      this.#known = found;
      return found;
    }
    try {
      return await this.#turns.run(async () => (await this.#hold()).state);
    } catch (error) {
      // Somebody is publishing just now: what he has begun counts.
      if (found !== null && found.after.length === partitions) return found;
      throw error;
    }
  }

  async #peekIfThere(): Promise<LogState | null> {
    try {
      return await this.#peek();
    } catch (error) {
      if (replyCodeOf(error) === notFound) return null;
      throw unavailable('RabbitMQ failed', error);
    }
  }

  /** Reads the state and leaves it where it is. */
  async #peek(): Promise<LogState | null> {
    const { clock } = this.#tools;
    const endsAt = clock.now() + stateWaitMs;
    for (;;) {
      const state = await this.#link.ask(async (channel) => {
        const messages: GetMessage[] = [];
        for (let message = await channel.get(this.#topology.stateQueue); message !== false; ) {
          messages.push(message);
          message = messages.length < 4 ? await channel.get(this.#topology.stateQueue) : false;
        }
        for (const message of messages) channel.nack(message, false, true);
        const states = messages.flatMap(({ content }) => parseState(content) ?? []);
        return states.sort((a, b) => b.serial - a.serial)[0] ?? null;
      });
      if (state !== null || clock.now() >= endsAt) return state;
      await clock.sleep(stateAgainMs);
    }
  }

  async #write(channel: ConfirmChannel, state: LogState): Promise<void> {
    await sendState(channel, this.#topology.stateQueue, state);
    this.#known = state;
  }

  #send(
    channel: ConfirmChannel,
    { log }: LogState,
    batches: readonly (Payload & { n: number })[],
    isFiller = false,
  ): Promise<void> {
    const { clock, random } = this.#tools;
    return sendBatches(channel, this.#topology.exchange, batches, {
      log,
      isFiller,
      at: clock.now(),
      epoch: random.id(),
    });
  }

  async #releaseIdle(): Promise<void> {
    if (this.#held === null || this.#tools.clock.now() - this.#usedAt < idleMs) return;
    await this.#turns.run(async () => {
      if (this.#tools.clock.now() - this.#usedAt >= idleMs) await this.#release();
    });
  }

  async #release(): Promise<void> {
    const held = this.#held;
    if (held === null) return;
    try {
      if (!isSettled(held.state)) await this.#write(held.channel, settled(held.state));
      this.#held = null;
      await closeQuietly(held.channel);
      await this.#link.ask((channel) => channel.deleteQueue(this.#topology.lockQueue));
    } catch (error) {
      // The broker frees the numbers with the connection; whoever takes them fills what is in doubt.
      this.#held = null;
      this.#tools.logger.debug({ err: error }, 'the numbers of the bus were not given free in order');
      await this.#link.drop();
    }
  }
}
