import { createHash } from 'node:crypto';
import { type EmbeddedBus, openEmbeddedBus } from '@mindora/bus';
import { canonicalJson, defaultRetention, entitiesOf, type Role, type Row, roles } from '@mindora/contracts';
import { type Clock, type Logger, type Random, silentLogger, systemClock, systemRandom } from '@mindora/runtime';
import {
  type ApplyItem,
  type LedgerRecord,
  type Mutation,
  openPrimary,
  type Primary,
  type Target,
} from '@mindora/stores';
import type { TemporaryDirectory } from '@mindora/testing';
import {
  embeddedText,
  embeddingId,
  needsEmbedding,
  type Sync,
  type SyncOptions,
  startSync,
  toApplyItem,
} from '../../src/index.ts';
import { MemoryTarget } from './memory-target.ts';

export const testDimensions = 16;

/** Makes vectors of texts by their hash; deterministic, and can be told to fail. */
export class HashEmbedder {
  readonly model: string;
  readonly dimensions: number;
  readonly texts: string[] = [];
  before: (texts: readonly string[]) => void | Promise<void> = () => undefined;

  constructor(model = 'hash', dimensions = testDimensions) {
    this.model = model;
    this.dimensions = dimensions;
  }

  async embed(texts: readonly string[]): Promise<Float32Array[]> {
    await this.before(texts);
    this.texts.push(...texts);
    return texts.map((text) => {
      const hash = createHash('sha256').update(text).digest();
      return Float32Array.from({ length: this.dimensions }, (_, index) => (hash[index % 32] ?? 0) / 255 + 0.01);
    });
  }
}

export interface WorldOptions {
  readonly directory?: TemporaryDirectory;
  readonly partitions?: number;
  readonly targets?: ReadonlyMap<Role, Target>;
  readonly embedder?: HashEmbedder;
  readonly primary?: Primary;
  readonly log?: Logger;
  readonly sync?: Partial<SyncOptions>;
}

/** A real primary and bus in a directory of their own, stores of choice, and sync between them. */
export class World {
  readonly directory: TemporaryDirectory;
  readonly clock: Clock = systemClock();
  readonly random: Random = systemRandom();
  readonly embedder: HashEmbedder;
  readonly targets: ReadonlyMap<Role, Target>;
  readonly primary: Primary;
  readonly #options: WorldOptions;
  bus: EmbeddedBus;
  #sync: Sync | null = null;

  private constructor(options: WorldOptions, directory: TemporaryDirectory, primary: Primary, bus: EmbeddedBus) {
    this.#options = options;
    this.directory = directory;
    this.primary = primary;
    this.bus = bus;
    this.embedder = options.embedder ?? new HashEmbedder();
    this.targets = options.targets ?? memoryTargets();
  }

  static async open(options: WorldOptions = {}): Promise<World> {
    // Loaded where it is needed: in a child of a test there is no test runner.
    const directory = options.directory ?? (await (await import('@mindora/testing')).temporaryDirectory());
    const primary = options.primary ?? (await openPrimary({ file: directory.file('primary.db') }));
    await primary.migrate();
    const bus = await openBus(directory, options.partitions);
    return new World(options, directory, primary, bus);
  }

  get sync(): Sync {
    if (this.#sync === null) throw new Error('sync is not started');
    return this.#sync;
  }

  start(overrides: Partial<SyncOptions> = {}): Sync {
    const { primary, bus, targets, embedder, clock, random } = this;
    const log = this.#options.log ?? silentLogger();
    const parts = {
      primary,
      bus,
      targets,
      embedder,
      clock,
      random,
      log,
      retention: defaultRetention,
      watchEveryMs: 200,
    };
    this.#sync = startSync({ ...parts, ...this.#options.sync, ...overrides });
    return this.#sync;
  }

  /** Stops sync, and closes the bus with it, as the end of the process would. */
  async stop(): Promise<void> {
    await this.#sync?.stop();
    this.#sync = null;
    await this.bus.close();
  }

  async reopenBus(): Promise<void> {
    this.bus = await openBus(this.directory, this.#options.partitions);
  }

  async close(): Promise<void> {
    await this.stop();
    for (const target of this.targets.values()) await target.close();
    await this.primary.close();
    await this.directory.remove();
  }

  memory(role: Role): MemoryTarget {
    return this.targets.get(role) as MemoryTarget;
  }

  write(...unit: Mutation[]) {
    return this.primary.records.write(unit);
  }

  async settled(timeoutMs = 20_000): Promise<void> {
    if (await this.sync.quiesce(timeoutMs)) return;
    throw new Error(`not settled: ${JSON.stringify(await this.sync.status())}`);
  }

  /** What stores hold and should hold that is not the same, as text; empty where all agree. */
  async differences(): Promise<string[]> {
    const found: string[] = [];
    for (const target of this.targets.values()) {
      for (const entity of entitiesOf(target.role)) {
        const expected = await this.#expected(target.role, entity);
        const { records } = await target.scan(entity, null, 10_000);
        for (const { id, document, deleted, fault } of records) {
          if (deleted) continue;
          const wanted = expected.get(id);
          expected.delete(id);
          if (wanted === undefined) found.push(`${target.role} has extra ${entity} ${id}`);
          else if (fault !== undefined || canonicalJson(wanted) !== canonicalJson(document)) {
            found.push(`${target.role} differs on ${entity} ${id} ${fault ?? ''}`);
          }
        }
        found.push(...[...expected.keys()].map((id) => `${target.role} lacks ${entity} ${id}`));
      }
    }
    return found;
  }

  async #expected(role: Role, entity: ApplyItem['entity']): Promise<Map<string, Row>> {
    const lines = await this.primary.ledger.scan(entity, null, 10_000);
    const items = await Promise.all(lines.map((line) => this.#item(role, line)));
    const now = this.clock.now();
    const live = items.filter(({ document, expiresAt }) => document !== null && (expiresAt ?? now + 1) > now);
    return new Map(live.map(({ id, document }) => [id, document as Row]));
  }

  async #item(role: Role, line: LedgerRecord): Promise<ApplyItem> {
    const { model, dimensions } = this.embedder;
    const text = line.row === null ? null : embeddedText(line.entity, line.row);
    const id = text === null ? null : embeddingId(model, dimensions, text);
    const vector = id === null ? undefined : (await this.primary.ledger.embeddings([id])).get(id)?.vector;
    const embedding = id === null || !needsEmbedding(role, line.entity) ? null : { id, vector: vector ?? 'none' };
    return toApplyItem(role, line, { embedding, model, dimensions }, defaultRetention);
  }
}

export function memoryTargets(): Map<Role, Target> {
  return new Map(roles.map((role) => [role, new MemoryTarget(role)]));
}

function openBus(directory: TemporaryDirectory, partitions = 4): Promise<EmbeddedBus> {
  const ports = { clock: systemClock(), random: systemRandom() };
  return openEmbeddedBus({ file: directory.file('bus.db'), partitions, consumers: roles, ...ports });
}

export function insertConversation(id: string, user = 'user_1', text = `question ${id}`): Mutation {
  return {
    op: 'insert',
    entity: 'conversation',
    row: {
      id,
      user_id: user,
      session_id: `session of ${user}`,
      user_input: text,
      ai_response: `answer to ${text}`,
      model_name: 'deepseek-chat',
      context: { from: 'test' },
    },
  };
}

export function insertAnalysis(id: string, user = 'user_1', result: Row = { skills: ['SQL'] }): Mutation {
  return {
    op: 'insert',
    entity: 'analysis',
    row: {
      id,
      user_id: user,
      analysis_type: 'resume',
      input_content: `content of ${id}`,
      analysis_result: result,
      confidence_score: 0.5,
      processing_time: 12,
    },
  };
}
