import { systemClock, systemRandom, Thread } from '@mindora/runtime';
import { createEmbedder, type Embedder, lexicalModel } from '@mindora/stores/embedder/index';
import type { EmbedderConfig } from '../config.ts';

const threadModule = new URL(import.meta.resolve('@mindora/stores/embedder/thread'));

export interface EmbedderParts {
  /** For the services, in the main thread. */
  readonly embedder: Embedder;
}
