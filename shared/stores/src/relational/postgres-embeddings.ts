import { type DocumentDefinition, decodeVector, type Row } from '@mindora/contracts';
import { MindoraError } from '@mindora/runtime';
import { ContentError } from '../embedded/errors.ts';
import { type IndexDefinition, type Preparation, type Session, Table } from '../postgres/index.ts';
import { hasDirection } from './direction.ts';

/** pgvector's own limits of what HNSW indexes: whole and half precision. */
const wholeDimensionsMax = 2000;
const halfDimensionsMax = 4000;
/**
 * Neighbours of each, and candidates while a vector is put in: pgvector's defaults. More of these (200) made writing
 * two to three times as slow; what they would add to recall, a wider search adds.
 */
const indexSettings = 'WITH (m = 16, ef_construction = 64)';
/** What half precision can tell from infinity, and its squares' sum from nothing. */
const halfValueMax = 65_504;
const halfSquaredLengthMin = 1e-6;

/** Whether the row's vector can be compared with others; those that can't are held, and found by no search. */
export const comparableColumn = 'comparable';

/** How a search has to be written to be served by the index. */
export interface IndexedSearch {
  /** What of a row is ordered by, of the bound vector. */
  readonly order: (bound: string) => string;
}

/** How vectors of a length are searched by their index; null where there is none, and each is compared. */
export function indexedSearch(dimensions: number): IndexedSearch | null {
  if (dimensions <= wholeDimensionsMax) return { order: (bound) => `vector <=> ${bound}::vector(${dimensions})` };
  if (dimensions > halfDimensionsMax) return null;
  return { order: (bound) => `(vector::halfvec(${dimensions})) <=> ${bound}::vector::halfvec(${dimensions})` };
}

function vectorIndex(collection: string, dimensions: number): IndexDefinition[] {
  const name = `${collection}_by_direction`;
  const ending = `${indexSettings} WHERE ${comparableColumn}`;
  if (dimensions <= wholeDimensionsMax) return [{ name, on: `USING hnsw (vector vector_cosine_ops) ${ending}` }];
  if (dimensions > halfDimensionsMax) return [];
  return [{ name, on: `USING hnsw ((vector::halfvec(${dimensions})) halfvec_cosine_ops) ${ending}` }];
}

/** The table of embeddings, with an index of the vectors by cosine. */
export function vectorTable(definition: DocumentDefinition, dimensions: number): Table {
  return new Table(definition, {
    dimensions,
    extra: [{ name: comparableColumn, type: 'boolean', of: (document) => isComparable(vectorOf(document)) }],
    indexes: vectorIndex(definition.collection, dimensions),
    check: (document) => {
      const { length } = vectorOf(document);
      if (length === dimensions) return;
      throw new ContentError(`the vector has ${length} dimensions, the store ${dimensions}`);
    },
  });
}

function vectorOf({ vector }: Row): Float32Array {
  return decodeVector(typeof vector === 'string' ? vector : '');
}

/** Whether a vector's cosine can be computed, and be indexed in the precision that its length asks for. */
export function isComparable(vector: Float32Array): boolean {
  if (!hasDirection(vector)) return false;
  if (vector.length <= wholeDimensionsMax) return true;
  const squaredLength = vector.reduce((sum, value) => sum + value * value, 0);
  return squaredLength > halfSquaredLengthMin && vector.every((value) => Math.abs(value) < halfValueMax);
}

/** The first with searches that go on until enough is found. */
const pgvectorMin = [0, 8] as const;

/** Brings pgvector into the database. @throws MindoraError `store_unavailable` where it is missing or too old */
export async function preparePgvector(session: Session): Promise<Preparation> {
  const offered = await session.query("SELECT 1 FROM pg_available_extensions WHERE name = 'vector'");
  if (offered.length === 0) throw new MindoraError('store_unavailable', 'the server has no pgvector');
  await session.query('CREATE EXTENSION IF NOT EXISTS vector');
  const [row] = await session.query<{ version: string; oid: number }>(
    `SELECT extversion AS version, to_regtype('vector')::oid AS oid FROM pg_extension WHERE extname = 'vector'`,
  );
  const [major = 0, minor = 0] = (row?.version ?? '').split('.').map(Number);
  if (row === undefined || major < pgvectorMin[0] || (major === pgvectorMin[0] && minor < pgvectorMin[1])) {
    throw new MindoraError('store_unavailable', `pgvector must be ${pgvectorMin.join('.')} or later`);
  }
  return { engine: `pgvector ${row.version}`, vectorOid: row.oid };
}
