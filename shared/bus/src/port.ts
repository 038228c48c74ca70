import type { Change } from '@mindora/contracts';

/** A batch before the bus has given it a number. */
export interface OutgoingBatch {
  readonly partition: number;
  readonly changes: readonly Change[];
}

/**
 * A batch as a consumer gets it, or several that follow each other (see {@link ConsumeOptions}). Batches are counted from
 * 1 without a hole within (incarnation, partition); the number only serves to detect gaps.
 */
export interface Delivery {
  readonly incarnation: string;
  readonly partition: number;
  /** Number of the first batch. */
  readonly first: number;
  /** Number of the last batch; `first` where there is one. */
  readonly n: number;
  /** Of all batches, in their order: a record may be named more than once. */
  readonly changes: readonly Change[];
  /** How often the first batch was handed to this consumer, this time included; survives a crash of the process. */
  readonly deliveries: number;
}

export interface ConsumeOptions {
  /**
   * Batches that wait may be handed over as one: at most so many (default 1), and no more changes and bytes than one
   * batch may have (rule 7). A batch that was handed over before comes alone, and so do as many behind it: which of them
   * brought the consumer down is not hidden among others.
   */
  readonly batchesMax?: number;
}

export interface PartitionLag {
  readonly partition: number;
  /** Number of the newest batch; 0 where there is none. */
  readonly head: number;
  /**
   * Number of the last batch that this consumer won't get any more: it acknowledged it, or the log dropped it, or
   * somebody purged it. A store that lacks it must reconcile.
   */
  readonly acknowledged: number;
  /** When the oldest batch not yet acknowledged was published, milliseconds since 1970; null where there is none. */
  readonly oldestAt: number | null;
}

export interface Subscription {
  /** Ends after the handler that runs (if any) has returned. Idempotent. */
  stop(): Promise<void>;
}

/**
 * A durable log of change batches, in partitions, with one cursor per consumer and partition. Transport only: losing
 * it whole loses nothing (rule 1), because a new incarnation makes every consumer reconcile.
 */
export interface EventBus {
  readonly engine: string;
  readonly partitions: number;
  /** Changes when the log is new or was lost. */
  incarnation(): Promise<string>;
  /**
   * Appends batches in the given order; resolves once all of them are durable. On rejection any prefix may have been
   * appended: publishing the same states again is harmless.
   *
   * @throws MindoraError `overloaded` above the bound of the log, `store_unavailable` where the bus fails
   */
  publish(batches: readonly OutgoingBatch[]): Promise<void>;
  /**
   * Hands the batches of a partition to the handler, in order, one delivery in flight; acknowledged when the handler
   * resolves. Where it rejects, the same batch is handed over again after a pause.
   */
  consume(
    consumer: string,
    partition: number,
    handler: (delivery: Delivery) => Promise<void>,
    options?: ConsumeOptions,
  ): Subscription;
  /**
   * Begins another incarnation, with what is in the log: for whoever knows that the log isn't what it was (an older
   * copy was put in its place), which makes every consumer reconcile.
   */
  renew(): Promise<void>;
  /** Per partition, in order of partition. */
  lag(consumer: string): Promise<PartitionLag[]>;
  /** Number of the newest batch per partition. */
  heads(): Promise<number[]>;
  /**
   * Leaves no byte of acknowledged batches in the files (erasure, rule 16). A bus that lacks it keeps them until their
   * retention is over.
   */
  scrub?(): Promise<void>;
  /**
   * Settings of the server that weaken what a confirmed publish promises, each with what to set; a setting that can't
   * be read counts as one. A bus without a server lacks it.
   */
  weakSettings?(): Promise<string[]>;
  close(): Promise<void>;
}
