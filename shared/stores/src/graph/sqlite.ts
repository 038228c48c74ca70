/** The graph on SQLite (A2.5). */
import { type Clock, MindoraError } from '@mindora/runtime';
import { assertLimit, type Connection, EmbeddedTarget, refusedContents } from '../embedded/index.ts';
import type { GraphNode, GraphStore, Relation, Subgraph } from './port.ts';
import { GraphReader } from './reader.ts';
import { parseNodeName } from './shape.ts';
import { GraphTables } from './tables.ts';

export interface GraphOptions {
  readonly file: string;
  readonly clock: Pick<Clock, 'now'>;
}

const answersMax = 1_000;
const depthMax = 6;

/** Opens the store; {@link GraphStore.migrate} makes its tables. */
export function openGraphStore(options: GraphOptions): GraphStore {
  return new SqliteGraph(options);
}

class SqliteGraph extends EmbeddedTarget implements GraphStore {
  readonly #reader: GraphReader;

  constructor(options: GraphOptions) {
    const made: GraphTables[] = [];
    super({
      ...options,
      role: 'graph',
      capabilities: { expires: true, volatile: false, dimensions: 0, refuses: refusedContents },
      tables: (connection: Connection) => {
        const tables = new GraphTables(connection);
        made.push(tables);
        return tables;
      },
    });
    const [tables] = made;
    if (tables === undefined) throw new Error('the base made no tables');
    this.#reader = new GraphReader(this.connection, tables);
  }

  user(userId: string, limit: number): Promise<Subgraph> {
    return this.#query(limit, () => this.#reader.user(userId, limit));
  }

  chain(sessionId: string, limit: number, userId: string | null): Promise<GraphNode[]> {
    return this.#query(limit, () => this.#reader.chain(sessionId, limit, userId));
  }

  related(conversationId: string, limit: number, userId: string | null): Promise<(Relation & { node: GraphNode })[]> {
    return this.#query(limit, () => this.#reader.related(conversationId, limit, userId));
  }

  path(from: string, to: string, depth: number, userId: string | null): Promise<Subgraph | null> {
    return this.run(() => {
      if (!Number.isInteger(depth) || depth < 1 || depth > depthMax) {
        throw new MindoraError('invalid_request', `depth must be an integer of 1 to ${depthMax}`);
      }
      parseNodeName(from);
      parseNodeName(to);
      return this.#reader.path(from, to, depth, userId);
    });
  }

  similarUsers(userId: string, limit: number): Promise<{ userId: string; shared: string[]; score: number }[]> {
    return this.#query(limit, () => this.#reader.similarUsers(userId, limit));
  }

  skills(userId: string | null, limit: number): Promise<{ skill: string; users: number }[]> {
    return this.#query(limit, () => this.#reader.skills(userId, limit));
  }

  relate(conversationId: string, model: string, relations: readonly Relation[]): Promise<void> {
    return this.commit(() => {
      if (relations.length > answersMax || relations.some(({ score }) => !Number.isFinite(score))) {
        throw new MindoraError('invalid_request', `relations must be at most ${answersMax}, with finite scores`);
      }
      this.#reader.relate(conversationId, model, relations);
    });
  }

  deadRelations(model: string, limit: number): Promise<[string, string][]> {
    return this.run(() => {
      assertLimit(limit);
      return this.#reader.deadRelations(model, limit);
    });
  }

  removeRelations(pairs: readonly [string, string][]): Promise<void> {
    return this.commit(() => this.#reader.removeRelations(pairs));
  }

  #query<T>(limit: number, query: () => T): Promise<T> {
    return this.run(() => {
      assertLimit(limit, answersMax);
      return query();
    });
  }
}
