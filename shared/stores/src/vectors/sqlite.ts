/** Vectors on SQLite with sqlite-vec (A2.4): exact search over all vectors, or over those of one user. */
import type { EntityName } from '@mindora/contracts';
import { type Clock, MindoraError } from '@mindora/runtime';
import { load } from 'sqlite-vec';
import {
  assertLimit,
  type Connection,
  EmbeddedTarget,
  quoted,
  refusedContents,
  Statements,
} from '../embedded/index.ts';
import { numberColumn } from '../embedded/numbered.ts';
import { assertVector, best, isSettled, neighboursMax, scoreOf } from './neighbours.ts';
import type { NearestQuery, Neighbour, VectorStore } from './port.ts';
import { type VectorClass, VectorTables } from './tables.ts';

export interface VectorOptions {
  readonly file: string;
  readonly clock: Pick<Clock, 'now'>;
  /** Of all vectors; 384 where not given. */
  readonly dimensions?: number;
}

const dimensionsDefault = 384;
const dimensionsMax = 8192;
/** Most that the engine gives in one search. */
const candidatesMax = 4096;

/**
 * Opens the store; {@link VectorStore.migrate} makes its tables, and makes them anew where they have another dimension.
 *
 * @throws MindoraError `invalid_request` where the dimensions are out of range
 */
export function openVectorStore(options: VectorOptions): VectorStore {
  const dimensions = options.dimensions ?? dimensionsDefault;
  if (!Number.isInteger(dimensions) || dimensions < 1 || dimensions > dimensionsMax) {
    throw new MindoraError('invalid_request', `dimensions must be 1 to ${dimensionsMax}`);
  }
  return new SqliteVectors({ ...options, dimensions });
}

interface Candidate {
  readonly number: number;
  readonly distance: number;
}

class SqliteVectors extends EmbeddedTarget implements VectorStore {
  readonly #tables: VectorTables;
  readonly #statements: Statements;

  constructor(options: VectorOptions & { readonly dimensions: number }) {
    const made: VectorTables[] = [];
    super({
      ...options,
      role: 'vectors',
      engine: 'sqlite-vec',
      capabilities: {
        expires: true,
        volatile: false,
        dimensions: options.dimensions,
        refuses: [...refusedContents, 'vectors of another dimension, or that are all zeros'],
      },
      prepare: load,
      tables: (connection: Connection) => {
        const tables = new VectorTables(connection, options.dimensions);
        made.push(tables);
        return tables;
      },
    });
    const [tables] = made;
    if (tables === undefined) throw new Error('the base made no tables');
    this.#tables = tables;
    this.#statements = new Statements(this.connection);
  }

  nearest(query: NearestQuery): Promise<Neighbour[]> {
    return this.run(() => {
      assertLimit(query.limit, neighboursMax);
      const bytes = this.#vectorBytes(query.vector);
      const one = this.#tables.class(query.entity);
      // Rows without a document and equal distances at the end make it look further than the limit.
      for (let wanted = query.limit + 1; ; wanted *= 2) {
        const count = Math.min(wanted, candidatesMax);
        const candidates = this.#candidates(one, query, bytes, count);
        const neighbours = candidates.flatMap((candidate) => this.#neighbour(one, candidate));
        const complete = candidates.length < count || count === candidatesMax;
        if (complete || isSettled(neighbours, query.limit)) return best(neighbours, query.limit);
      }
    });
  }

  #vectorBytes(vector: Float32Array): Buffer {
    assertVector(vector, this.capabilities.dimensions);
    return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength);
  }

  #candidates(one: VectorClass, query: NearestQuery, bytes: Buffer, count: number): Candidate[] {
    const allowed = this.#allowed(one, query);
    const sql = `SELECT rowid AS number, distance FROM ${one.vectors}
      WHERE embedding MATCH ? AND k = ? ${allowed.sql} ORDER BY distance`;
    return this.#statements.get(sql).all(bytes, count, ...allowed.bound) as Candidate[];
  }

  /** The engine looks only at these vectors, so that the filter costs no neighbour its place. */
  #allowed(one: VectorClass, query: NearestQuery): { sql: string; bound: (string | number)[] } {
    const conditions: string[] = [];
    const bound: (string | number)[] = [];
    if (query.userId !== null) {
      conditions.push('userId = ?');
      bound.push(query.userId);
    }
    if (this.#anyExpired(query.entity)) {
      const key = quoted(one.rows.table.definition.key);
      conditions.push(`${key} NOT IN (SELECT id FROM _applied WHERE entity = ? AND expires_at <= ?)`);
      bound.push(query.entity, this.clock.now());
    }
    if (conditions.length === 0) return { sql: '', bound };
    const numbers = `SELECT ${quoted(numberColumn)} FROM ${one.rows.table.name} WHERE ${conditions.join(' AND ')}`;
    return { sql: `AND rowid IN (${numbers})`, bound };
  }

  #anyExpired(entity: EntityName): boolean {
    const sql = 'SELECT 1 FROM _applied WHERE entity = ? AND expires_at <= ? LIMIT 1';
    return this.#statements.get(sql).get(entity, this.clock.now()) !== undefined;
  }

  #neighbour({ rows }: VectorClass, { number, distance }: Candidate): Neighbour[] {
    const { table } = rows;
    const sql = `SELECT ${table.columns} FROM ${table.name} WHERE ${quoted(numberColumn)} = ?`;
    const cells = this.#statements.get(sql).get(number);
    if (cells === undefined) return [];
    const { id, document } = table.found(cells);
    return [{ id, score: scoreOf(distance), document }];
  }
}
