import type { ConsumeOptions, Delivery, EventBus, OutgoingBatch, Subscription } from '@mindora/bus';
import type { Change } from '@mindora/contracts';
import { until } from '../until.ts';

export interface BusOpening {
  readonly consumers: readonly string[];
  readonly partitions: number;
  /** Bound of the log, where the bus has one of its own. */
  readonly batchesMax?: number;
}

/** What the suite needs of an engine. `module` is this driver's own file: children load it to open the same log. */
export interface BusDriver {
  readonly module: URL;
  /** Opens the log at a place of the engine's (a file, a stream name), made where it is new. */
  open(location: string, opening: BusOpening): Promise<EventBus>;
  /** Loses the log, as a deleted volume would; no bus has it open. */
  lose(location: string): Promise<void>;
}

export interface BusCapabilities {
  /** The log drops its oldest batches above `batchesMax`. */
  readonly bounded: boolean;
  /** A publish over several partitions survives a crash whole or not at all. */
  readonly atomic: boolean;
  /** A consumer that is added later gets what was published before; without it, it begins at the head. */
  readonly replays: boolean;
  /** The lag tells the age also of what no consumer has in hand. */
  readonly dated: boolean;
}

export const consumers = ['relational', 'fulltext'] as const;
export const partitions = 4;

/** A change with a text of a wanted length. */
export function changeOf(id: string, version = 1, text = ''): Change {
  return { entity: 'conversation', id, version, state: 'present', row: { text }, stores: null };
}

/** A batch of one change, which can be told by its id. */
export function batchOf(partition: number, id: string, text = ''): OutgoingBatch {
  return { partition, changes: [changeOf(id, 1, text)] };
}

export function idsOf(deliveries: readonly Delivery[]): string[] {
  return deliveries.flatMap((delivery) => delivery.changes.map((change) => change.id));
}

/** The numbers of all batches, in the order in which they came. */
export function numbersOf(deliveries: readonly Delivery[]): number[] {
  return deliveries.flatMap(({ first, n }) => Array.from({ length: n - first + 1 }, (_, index) => first + index));
}

export interface Collector extends Subscription {
  readonly deliveries: readonly Delivery[];
  /** Waits until this many batches have arrived. */
  count(wanted: number): Promise<readonly Delivery[]>;
}

/** Consumes a partition and keeps what arrives. */
export function collect(
  bus: EventBus,
  consumer: string,
  partition: number,
  handle: (delivery: Delivery) => Promise<void> = () => Promise.resolve(),
  options: ConsumeOptions = {},
): Collector {
  const deliveries: Delivery[] = [];
  const deliver = async (delivery: Delivery): Promise<void> => {
    deliveries.push(delivery);
    await handle(delivery);
  };
  const subscription = bus.consume(consumer, partition, deliver, options);
  return {
    deliveries,
    async count(wanted) {
      await until(
        () => deliveries.length >= wanted,
        30_000,
        () => `${wanted} batches (${deliveries.length} arrived)`,
      );
      return deliveries;
    },
    stop: () => subscription.stop(),
  };
}

/** Waits until a consumer has acknowledged everything of a partition. */
export async function drained(bus: EventBus, consumer: string, partition: number): Promise<void> {
  await until(
    async () => {
      const lag = (await bus.lag(consumer))[partition];
      return lag !== undefined && lag.acknowledged === lag.head;
    },
    30_000,
    `${consumer} has drained partition ${partition}`,
  );
}
