import type { Clock } from '@mindora/runtime';
import type { PartitionLag } from '../port.ts';
import type { Workers } from '../server/bus.ts';
import type { Link } from './link.ts';
import type { Numbers } from './numbers.ts';
import type { Topology } from './topology.ts';

/** Nothing moved for so long: what is counted now holds. Well above the time that a message is between two places. */
const settleMs = 500;

/** What was seen of a queue. */
interface Look {
  readonly at: number;
  readonly signs: string;
}

/**
 * How far consumers are behind. RabbitMQ doesn't tell what a consumer acknowledged, but how many batches wait. A queue
 * holds the newest batches, without a hole but for what was lost: so what isn't in it any more is acknowledged, dropped
 * or purged. Who lacks a batch that isn't in his queue any more sees so by his position, without waiting for another.
 */
export class Lag {
  readonly #link: Link;
  readonly #topology: Topology;
  readonly #numbers: Numbers;
  readonly #workers: Workers;
  readonly #clock: Clock;
  readonly #looks = new Map<string, Look>();

  constructor(parts: { link: Link; topology: Topology; numbers: Numbers; workers: Workers; clock: Clock }) {
    this.#link = parts.link;
    this.#topology = parts.topology;
    this.#numbers = parts.numbers;
    this.#workers = parts.workers;
    this.#clock = parts.clock;
  }

  async of(consumer: string): Promise<PartitionLag[]> {
    const { log, after } = await this.#numbers.current();
    return Promise.all(after.map((head, partition) => this.#lagOf(consumer, partition, head, log)));
  }

  async #lagOf(consumer: string, partition: number, head: number, log: string): Promise<PartitionLag> {
    const worker = this.#workers.find(consumer, partition);
    const done = worker?.lastDone ?? null;
    const isThrough = worker?.inHand === null && done?.log === log && done.n === head;
    const acknowledged = isThrough ? head : await this.#counted(consumer, partition, head, log);
    // Of batches that nobody has in hand, the time isn't known without taking them from the queue.
    const oldestAt = acknowledged < head ? (worker?.inHand?.at ?? null) : null;
    return { partition, head, acknowledged, oldestAt };
  }

  async #counted(consumer: string, partition: number, head: number, log: string): Promise<number> {
    const queue = this.#topology.queueOf(consumer, partition);
    let counts = await this.#topology.countsOf(this.#link, queue);
    if (counts === null) {
      await this.#topology.ensureOne(this.#link, consumer, partition);
      counts = { ready: 0, consumers: 0 };
    }
    const worker = this.#workers.find(consumer, partition);
    const inHand = worker?.inHand?.log === log ? worker.inHand : null;
    if (inHand !== null) return inHand.n - 1;
    const gone = Math.max(0, head - counts.ready);
    if (counts.consumers === 0) return gone;
    const done = worker?.lastDone?.log === log ? worker.lastDone.n : 0;
    // A batch may be on its way to a consumer, counted neither here nor there.
    const signs = `${log} ${head} ${counts.ready} ${worker?.moves ?? 0}`;
    return this.#isSettled(queue, signs) ? Math.max(gone, done) : Math.min(done, head);
  }

  #isSettled(queue: string, signs: string): boolean {
    const now = this.#clock.now();
    const look = this.#looks.get(queue);
    if (look?.signs === signs) return now - look.at >= settleMs;
    this.#looks.set(queue, { at: now, signs });
    return false;
  }
}
