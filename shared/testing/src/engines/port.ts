/** Real engines, started without a container: each an own process with its own data directory and port on loopback. */

export const engineNames = [
  'mariadb',
  'mysql',
  'postgres',
  'redis',
  'mongodb',
  'elasticsearch',
  'neo4j',
  'weaviate',
  'minio',
  'nats',
  'rabbitmq',
  'embeddings',
] as const;
export type EngineName = (typeof engineNames)[number];

export interface EngineOptions {
  /** Its data, logs and sockets; made where it is new. Without it, a directory of its own that goes when it stops. */
  readonly directory?: string;
  /** A free one without it. */
  readonly port?: number;
  /** Further arguments or settings of the engine's own, for tests of wrong ones. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface RunningEngine {
  readonly name: EngineName;
  /** For people, with what stands in for what: "MariaDB 10.11.14", "MongoDB protocol (SecantusDB 0.7.0b3)". */
  readonly product: string;
  /** With an administrator's credentials; its database, where it has some, is the engine's default one. */
  readonly url: string;
  /** Further addresses: `monitoring` of NATS, `management` of RabbitMQ. */
  readonly addresses: Readonly<Record<string, string>>;
  readonly pid: number;
  readonly directory: string;
  /** The last lines that it wrote. */
  log(): string;
  /** Ends it in order, after 20 s by force; the data stays where a directory was given. Idempotent. */
  stop(): Promise<void>;
  /** Ends it as a power cut would. */
  kill(): Promise<void>;
  /** Starts it again on the same data and port, after {@link stop} or {@link kill}; waits until it answers. */
  restart(): Promise<void>;
  /** Freezes it: connections stay open and nothing answers, as when a machine hangs. */
  suspend(): Promise<void>;
  /** Lets it go on after {@link suspend}. */
  resume(): Promise<void>;
}
