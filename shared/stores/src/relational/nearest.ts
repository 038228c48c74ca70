import { compareKeys } from '@mindora/contracts';
import { MindoraError } from '@mindora/runtime';
import { assertLimit, type Statements, type Table } from '../embedded/index.ts';
import type { NearestQuery, Neighbour } from '../vectors/port.ts';
import { hasDirection } from './direction.ts';
import { asNeighbour } from './neighbour.ts';
import { type VectorTable, vectorBytes } from './vectors.ts';

/** Most neighbours that sqlite-vec gives at once. */
const neighboursMax = 4096;

interface Candidate {
  readonly cells: unknown;
  readonly distance: number;
}

/** Similarity search over rows that refer to embeddings; one embedding may serve several rows, or none. */
export class NearestRows {
  readonly #statements: Statements;
  readonly #vectors: VectorTable;
  readonly #tables: Readonly<Record<NearestQuery['entity'], Table>>;
  readonly #dimensions: number;

  constructor(
    statements: Statements,
    vectors: VectorTable,
    tables: Readonly<Record<NearestQuery['entity'], Table>>,
    dimensions: number,
  ) {
    this.#statements = statements;
    this.#vectors = vectors;
    this.#tables = tables;
    this.#dimensions = dimensions;
  }

  /** @throws MindoraError `invalid_request` where limit or dimensions are wrong */
  find(query: NearestQuery): Neighbour[] {
    assertLimit(query.limit, 200);
    if (query.vector.length !== this.#dimensions) {
      throw new MindoraError('invalid_request', `the vector must have ${this.#dimensions} dimensions`);
    }
    if (!hasDirection(query.vector)) return [];
    return (this.#byIndex(query) ?? this.#byRow(query)).map((candidate) => this.#neighbour(query, candidate));
  }

  /** Asks the index for more and more until enough rows are found; null where it can't give enough. */
  #byIndex(query: NearestQuery): Candidate[] | null {
    for (let k = Math.max(64, query.limit * 2); ; k = Math.min(k * 4, neighboursMax)) {
      const { neighbours, candidates } = this.#ask(query, k);
      if (candidates.length >= query.limit || neighbours < k) return candidates.slice(0, query.limit);
      if (k === neighboursMax) return null;
    }
  }

  #ask(query: NearestQuery, k: number): { neighbours: number; candidates: Candidate[] } {
    const knn = `SELECT rowid, distance FROM ${this.#vectors.index} WHERE embedding MATCH ? AND k = ?`;
    const near = this.#statements.get(knn).all(vectorBytes(query.vector), k) as { rowid: number; distance: number }[];
    const table = this.#tables[query.entity];
    const referring = `SELECT ${table.columns} FROM ${table.name}
      WHERE embedding_id = (SELECT id FROM ${this.#vectors.name} WHERE _row = ?) ${ownedBy(query)} ORDER BY id LIMIT ?`;
    const statement = this.#statements.get(referring);
    const candidates: Candidate[] = [];
    for (const { rowid, distance } of near) {
      // Texts that are equal share an embedding; of those, as of the others, no more than asked for are needed.
      if (candidates.length >= query.limit && distance > (candidates.at(-1)?.distance ?? 0)) break;
      const rows = statement.all(rowid, ...ownerOf(query), query.limit);
      candidates.push(...rows.map((cells) => ({ cells, distance })));
    }
    return { neighbours: near.length, candidates: candidates.sort(byDistance) };
  }

  /** Compares every row that qualifies: dear, but exact however few of the index's neighbours qualify. */
  #byRow(query: NearestQuery): Candidate[] {
    const table = this.#tables[query.entity];
    const sql = `SELECT ${table.columns}, distance FROM (
        SELECT d.*, vec_distance_cosine(i.embedding, ?) AS distance FROM ${table.name} d
        JOIN ${this.#vectors.name} v ON v.id = d.embedding_id JOIN ${this.#vectors.index} i ON i.rowid = v._row
        WHERE TRUE ${ownedBy(query)})
      ORDER BY distance, id LIMIT ?`;
    const rows = this.#statements.get(sql).all(vectorBytes(query.vector), ...ownerOf(query), query.limit);
    return rows.map((cells) => ({ cells, distance: (cells as { distance: number }).distance }));
  }

  #neighbour(query: NearestQuery, { cells, distance }: Candidate): Neighbour {
    return asNeighbour(query.entity, this.#tables[query.entity].found(cells), distance);
  }
}

function byDistance(a: Candidate, b: Candidate): number {
  return a.distance - b.distance || compareKeys(idOf(a), idOf(b));
}

function idOf({ cells }: Candidate): string {
  return (cells as { id: string }).id;
}

function ownedBy(query: NearestQuery): string {
  return query.userId === null ? '' : 'AND user_id = ?';
}

function ownerOf(query: NearestQuery): string[] {
  return query.userId === null ? [] : [query.userId];
}
