import { systemClock, systemRandom, type Thread } from '@mindora/runtime';
import type { Embedder } from '@mindora/stores';
import { connectLexical, createEmbedder, lexicalThreadModule } from '@mindora/stores/embedder/index';
import type { SyncThreadData } from '@mindora/sync/client';
import type { EmbedderConfig } from '../config.ts';
import type { StartThread } from './version.ts';

export interface EmbedderParts {
  /** For the services, in the main thread. */
  readonly embedder: Embedder;
  /** The lexical embedder computes, so it has a thread of its own (rule 5); an endpoint only waits. */
  readonly threads: Record<string, Thread>;
  /** How sync reaches the same one. */
  readonly forSync: Pick<SyncThreadData, 'embedder' | 'embedderApiKey'>;
}

/** Starts the embedder that the configuration asks for. */
export async function startEmbedder(config: EmbedderConfig, start: StartThread): Promise<EmbedderParts> {
  const { endpoint, dimensions } = config;
  if (endpoint === null) {
    const thread = await start('embedder', lexicalThreadModule, { dimensions });
    const embedder = connectLexical(thread, { dimensions });
    const { model } = embedder;
    return { embedder, threads: { embedder: thread }, forSync: { embedder: { kind: 'remote', model, dimensions } } };
  }
  const { url: baseUrl, model, apiKey } = endpoint;
  const options = { kind: 'endpoint', baseUrl, model, dimensions } as const;
  const embedder = createEmbedder(apiKey === null ? options : { ...options, apiKey }, {
    clock: systemClock(),
    random: systemRandom(),
  });
  const key = apiKey === null ? {} : { embedderApiKey: apiKey.reveal() };
  return { embedder, threads: {}, forSync: { embedder: options, ...key } };
}
