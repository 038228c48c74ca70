import type { StoreHealth } from '../port.ts';

/** Makes vectors of texts (architecture, section 4; requirement A2.14). */
export interface Embedder {
  /** Name of the model; part of an embedding's identity, see embeddingId. */
  readonly model: string;
  readonly dimensions: number;
  /** `lexical` compares words and not meaning; whoever shows a result of it says so. */
  readonly kind: 'lexical' | 'endpoint';
  /**
   * One vector for each text, in their order; finite, never all zeros, of `dimensions` values.
   *
   * @throws MindoraError `embedder_unavailable` (retryable). Where the endpoint refuses one text for its content,
   *   `data` is `{ refused: true, index }` with its place in `texts`
   */
  embed(texts: readonly string[]): Promise<Float32Array[]>;
  health(): Promise<StoreHealth>;
  /** Idempotent; calls under way are broken off. */
  close(): Promise<void>;
}
