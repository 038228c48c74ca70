import type { Row } from '@mindora/contracts';
import type { Target } from '../port.ts';

export interface NearestQuery {
  readonly entity: 'conversation' | 'analysis';
  /** Of the store's dimensions. */
  readonly vector: Float32Array;
  /** 1-200. */
  readonly limit: number;
  /** Only records of this user. */
  readonly userId: string | null;
}

export interface Neighbour {
  readonly id: string;
  /** Cosine similarity, -1 to 1. */
  readonly score: number;
  /** Fields of `documents.vectors` without the vector, whatever store answers. */
  readonly document: Row;
}

/** Similarity search. Both the vector store and the relational one (pgvector) answer it. */
export interface VectorQueries {
  /** Best first; equal scores by id. @throws MindoraError `invalid_request` where the dimensions differ */
  nearest(query: NearestQuery): Promise<Neighbour[]>;
}

export type VectorStore = Target & VectorQueries;
