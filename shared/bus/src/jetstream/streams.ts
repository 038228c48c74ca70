import { createHash } from 'node:crypto';
import { type Logger, MindoraError, type Random } from '@mindora/runtime';
import {
  AckPolicy,
  type ConsumerConfig,
  DeliverPolicy,
  DiscardPolicy,
  type JetStreamManager,
  NatsError,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
  type StreamInfo,
} from 'nats';
import { unavailable } from '../server/bus.ts';
import { type Link, requestMsMax } from './link.ts';

export interface StreamSettings {
  readonly namespace: string;
  readonly partitions: number;
  /** Of all partitions together. */
  readonly bytesMax: number;
  /** Of each partition. */
  readonly batchesMax: number;
  readonly random: Random;
  readonly logger: Logger;
}

/** One partition at one moment. */
export interface StreamState {
  readonly partition: number;
  /** Names the stream as it is: one made anew has another. */
  readonly id: string;
  /** Number of the newest batch. */
  readonly head: number;
  /** Number of the oldest batch that is still there; head + 1 where there is none. */
  readonly first: number;
}

/** A stream by its id, with the highest head that it is known to have reached. */
export interface Seen {
  readonly id: string;
  readonly head: number;
}

/** By its number; with a subject, the first one from there on. */
export interface DirectQuery {
  readonly seq: number;
  readonly next_by_subj?: string;
}

export interface StoredBatch {
  readonly data: Uint8Array;
  /** When it was published, nanoseconds since 1970: as the server says it with a delivery. */
  readonly timestampNanos: string;
}

/** The server counts times in nanoseconds. */
export const nanosecondsPerMs = 1_000_000;
/** How long batches are kept: as long as tombstones stand in the stores at least. A store that is away longer reconciles. */
const ageMsMax = 24 * 3_600_000;
/** How long a repeated publish is known as such; it is repeated for seconds. */
const duplicateWindowMs = 120_000;
/** After this a batch whose consumer is silent is handed over again. Workers that live say so more often. */
const acknowledgeWaitMs = 5000;
const idKey = 'mindora_log';
const partitionsKey = 'mindora_partitions';
const attemptsMax = 3;
const [streamNotFound, consumerNotFound, streamNameInUse] = [10_059, 10_014, 10_058];

/**
 * The streams of a bus: one for each partition, whose own sequence is n. Each carries an id in its metadata, and all
 * ids together make the incarnation: a stream that was lost and made again changes it. So does one that went back (an
 * older copy of the server's files, or a tail that a power cut took): it gets another id when that is seen.
 */
export class Streams {
  readonly #link: Link;
  readonly #settings: StreamSettings;
  /** The newest that was seen of each partition. */
  readonly #seen = new Map<number, Seen>();
  /** On which connection the bounds of a partition were looked at. */
  readonly #checkedIn = new Map<number, number>();
  #known: { readonly incarnation: string; readonly epoch: number } | null = null;

  constructor(link: Link, settings: StreamSettings) {
    this.#link = link;
    this.#settings = settings;
  }

  nameOf(partition: number): string {
    return `${this.#settings.namespace}changes_${partition}`;
  }

  subjectOf(partition: number): string {
    return `${this.#settings.namespace}changes.${partition}`;
  }

  /** All partitions as they are now; those that are missing are made. @throws MindoraError `store_unavailable` */
  async states(): Promise<StreamState[]> {
    const { partitions } = this.#settings;
    const { epoch } = this.#link;
    const states = await Promise.all(Array.from({ length: partitions }, (_, partition) => this.#stateOf(partition)));
    this.#known = { incarnation: incarnationOf(states, partitions), epoch };
    return states;
  }

  /** Read anew. */
  async incarnation(): Promise<string> {
    return incarnationOf(await this.states(), this.#settings.partitions);
  }

  /** As last read on this connection: enough for a delivery, because whoever relies on it reads it anew. */
  async knownIncarnation(): Promise<string> {
    if (this.#known !== null && this.#known.epoch === this.#link.epoch) return this.#known.incarnation;
    return this.incarnation();
  }

  /**
   * One batch, beside all consumers (direct get, NATS ADR-31); null where the stream hasn't got it.
   *
   * @throws MindoraError `store_unavailable`
   */
  async read(partition: number, query: DirectQuery): Promise<StoredBatch | null> {
    const { connection } = await this.#link.get();
    const subject = `$JS.API.DIRECT.GET.${this.nameOf(partition)}`;
    try {
      const { headers, data } = await connection.request(subject, JSON.stringify(query), { timeout: requestMsMax });
      const time = headers?.get('Nats-Time-Stamp') ?? '';
      return time === '' ? null : { data, timestampNanos: nanosecondsOf(time) };
    } catch (error) {
      throw unavailable('JetStream failed', error);
    }
  }

  /** What was known of the streams holds no more. */
  forget(): void {
    this.#known = null;
    this.#checkedIn.clear();
  }

  async renew(): Promise<void> {
    await this.#identify(0);
    await this.states();
  }

  /** What is known of a partition on this connection, to be compared with what comes later; read where it isn't. */
  async seenOf(partition: number): Promise<Seen> {
    const seen = this.#seen.get(partition);
    if (seen !== undefined && this.#checkedIn.get(partition) === this.#link.epoch) return seen;
    return this.#stateOf(partition);
  }

  /** A batch was stored under a number. One that isn't above the head of before means that the stream went back. */
  async stored(partition: number, before: Seen, n: number): Promise<void> {
    if (n <= before.head) await this.#wentBack(partition, before.head, n);
    else this.#see(partition, { id: before.id, head: n });
  }

  /** Makes a consumer where it is missing, or is not as it should be. */
  async ensureConsumer(partition: number, consumer: string): Promise<void> {
    await this.#stateOf(partition);
    await this.#asked(async (manager) => {
      const stream = this.nameOf(partition);
      const wanted = consumerConfig(consumer);
      const found = await orNull(manager.consumers.info(stream, consumer), consumerNotFound);
      if (found === null) await manager.consumers.add(stream, wanted);
      else if (differs(found.config, wanted)) await manager.consumers.update(stream, consumer, wanted);
    });
  }

  async #stateOf(partition: number): Promise<StreamState> {
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const before = this.#seen.get(partition);
      const info = await this.#asked((manager) => {
        return orNull(manager.streams.info(this.nameOf(partition)), streamNotFound);
      });
      const state = info === null ? await this.#create(partition) : await this.#accepted(partition, info, before);
      if (state !== null) return state;
    }
    throw new MindoraError('store_unavailable', `the stream ${this.nameOf(partition)} doesn't stay as it is`);
  }

  /** Null: it had to be changed, and is to be read again. */
  async #accepted(partition: number, info: StreamInfo, before: Seen | undefined): Promise<StreamState | null> {
    const { metadata = {} } = info.config;
    const id = metadata[idKey];
    const { last_seq: head, first_seq: first } = info.state;
    if (id === undefined || metadata[partitionsKey] !== String(this.#settings.partitions)) {
      // Another number of partitions sends records other ways, where their order is lost.
      await this.#identify(partition);
      return null;
    }
    // Compared with what was known before it was asked: answers may overtake each other.
    if (before?.id === id && head < before.head) {
      await this.#wentBack(partition, before.head, head);
      return null;
    }
    this.#see(partition, { id, head });
    await this.#keepBounds(partition, info.config);
    return { partition, id, head, first };
  }

  #see(partition: number, { id, head }: Seen): void {
    const seen = this.#seen.get(partition);
    this.#seen.set(partition, { id, head: seen?.id === id ? Math.max(seen.head, head) : head });
  }

  async #wentBack(partition: number, before: number, now: number): Promise<void> {
    this.#settings.logger.error({ partition, before, now }, 'a stream lost batches; every store is compared');
    await this.#identify(partition);
  }

  async #create(partition: number): Promise<null> {
    const { logger } = this.#settings;
    await this.#asked(async (manager) => {
      const config = { ...this.#bounds(), ...fixedConfig, metadata: this.#metadata() };
      const named = { ...config, name: this.nameOf(partition), subjects: [this.subjectOf(partition)] };
      const made = await orNull(manager.streams.add(named), streamNameInUse);
      if (made !== null) logger.info({ stream: named.name }, 'stream made');
    });
    return null;
  }

  /** Gives a stream another id. */
  async #identify(partition: number): Promise<void> {
    this.forget();
    await this.#asked(async (manager) => {
      const stream = this.nameOf(partition);
      const { config } = await manager.streams.info(stream);
      await manager.streams.update(stream, { ...config, metadata: { ...config.metadata, ...this.#metadata() } });
    });
  }

  /** Once a connection: bounds follow the configuration, and what makes the log durable is put right. */
  async #keepBounds(partition: number, config: StreamConfig): Promise<void> {
    const { epoch } = this.#link;
    if (this.#checkedIn.get(partition) === epoch) return;
    this.#checkedIn.set(partition, epoch);
    const { storage: _, retention: __, ...changeable } = fixedConfig;
    const wanted = { ...this.#bounds(), ...changeable };
    if (differs(config, wanted)) {
      await this.#asked((manager) => manager.streams.update(this.nameOf(partition), { ...config, ...wanted }));
    }
  }

  #bounds(): Pick<StreamConfig, 'max_bytes' | 'max_msgs'> {
    const { bytesMax, batchesMax, partitions } = this.#settings;
    return { max_bytes: Math.ceil(bytesMax / partitions), max_msgs: batchesMax };
  }

  #metadata(): Record<string, string> {
    const { random, partitions } = this.#settings;
    return { [idKey]: random.id(), [partitionsKey]: String(partitions) };
  }

  async #asked<T>(ask: (manager: JetStreamManager) => Promise<T>): Promise<T> {
    const { manager } = await this.#link.get();
    try {
      return await ask(manager);
    } catch (error) {
      throw unavailable('JetStream failed', error);
    }
  }
}

const fixedConfig = {
  retention: RetentionPolicy.Limits,
  storage: StorageType.File,
  discard: DiscardPolicy.Old,
  max_age: ageMsMax * nanosecondsPerMs,
  duplicate_window: duplicateWindowMs * nanosecondsPerMs,
  allow_direct: true,
} as const;

function consumerConfig(consumer: string): ConsumerConfig {
  return {
    durable_name: consumer,
    ack_policy: AckPolicy.Explicit,
    deliver_policy: DeliverPolicy.All,
    replay_policy: 'instant' as ConsumerConfig['replay_policy'],
    ack_wait: acknowledgeWaitMs * nanosecondsPerMs,
    max_ack_pending: 1,
    max_deliver: -1,
  };
}

function incarnationOf(states: readonly StreamState[], partitions: number): string {
  const ids = states.map(({ id }) => id).join(' ');
  return createHash('sha256').update(`${partitions} ${ids}`).digest('hex').slice(0, 32);
}

/** Of `2026-01-01T00:00:00.012345678Z`, which has as many digits behind the point as are needed. */
function nanosecondsOf(time: string): string {
  const [second = '', fraction = ''] = time.replace('Z', '').split('.');
  const nanoseconds = BigInt(Date.parse(`${second}Z`)) * BigInt(nanosecondsPerMs) + BigInt(fraction.padEnd(9, '0'));
  return String(nanoseconds);
}

function differs(found: object, wanted: object): boolean {
  const given = found as Record<string, unknown>;
  return Object.entries(wanted).some(([key, value]) => given[key] !== value);
}

async function orNull<T>(asking: Promise<T>, code: number): Promise<T | null> {
  try {
    return await asking;
  } catch (error) {
    if (error instanceof NatsError && error.api_error?.err_code === code) return null;
    throw error;
  }
}
