import type { Clock, Logger, Random } from '@mindora/runtime';

/** Which bus, and where. Plain values, so that they cross into a thread; the configuration keeps them secret. */
export type BusSettings = EmbeddedBusSettings | JetStreamSettings | RabbitSettings;

export interface EmbeddedBusSettings {
  readonly kind: 'embedded';
  readonly file: string;
}

export interface JetStreamSettings {
  readonly kind: 'jetstream';
  /** With credentials: `nats://user:password@host:4222`; several servers of a cluster are separated by commas. */
  readonly url: string;
  /** Names of streams begin with this: "jobfirst_future_" (A3). */
  readonly namespace: string;
  /** Address of the server's monitoring, `http://host:8222`: what it can't tell over NATS is read there. */
  readonly monitoring?: string;
}

export interface RabbitSettings {
  readonly kind: 'rabbitmq';
  /** With credentials: `amqp://user:password@host:5672/vhost`. */
  readonly url: string;
  /** Names of queues and exchanges begin with this: "jobfirst_future_" (A3). */
  readonly namespace: string;
  /** Address of the management plugin with credentials, `http://user:password@host:15672`. */
  readonly management?: string;
}

/** What every bus is opened with. */
export interface BusOptions {
  /** Default 4. Another number than before makes a new incarnation. */
  readonly partitions?: number;
  /** Who consumes. The log keeps what one of these hasn't acknowledged, within its bounds. */
  readonly consumers: readonly string[];
  readonly clock: Clock;
  readonly random: Random;
  readonly logger?: Logger;
  /** Above this the oldest batches are dropped, default 1 GiB of JSON (of each queue on RabbitMQ). */
  readonly bytesMax?: number;
  /** Above this the oldest batches are dropped, default 200,000 (of each partition on a server). */
  readonly batchesMax?: number;
}

export const partitionsDefault = 4;
export const bytesMaxDefault = 1024 ** 3;
export const batchesMaxDefault = 200_000;
