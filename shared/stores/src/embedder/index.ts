import { type Clock, type Random, Thread } from '@mindora/runtime';
import { createEndpointEmbedder, type EndpointOptions } from './endpoint.ts';
import { createLexicalEmbedder, type LexicalOptions, lexicalModel } from './lexical.ts';
import type { Embedder } from './port.ts';

export type { EndpointOptions } from './endpoint.ts';
export { embeddingId } from './id.ts';
export type { LexicalOptions } from './lexical.ts';
export { lexicalModel } from './lexical.ts';
export type * from './port.ts';

export type EmbedderOptions =
  | ({ readonly kind: 'lexical' } & LexicalOptions)
  | ({ readonly kind: 'endpoint' } & EndpointOptions);

/** The embedder that the configuration asks for, in the calling thread. */
export function createEmbedder(options: EmbedderOptions, ports: { clock: Clock; random: Random }): Embedder {
  return options.kind === 'lexical' ? createLexicalEmbedder(options) : createEndpointEmbedder(options, ports);
}

/** The lexical embedder in a thread of its own, for callers whose event loop must stay free (rule 5). */
export async function lexicalThread(options: LexicalOptions = {}): Promise<Embedder> {
  // Wrong options are told here and not by a thread that can't start.
  const { dimensions } = createLexicalEmbedder(options);
  const thread = await Thread.start<LexicalOptions>({
    name: 'embedder',
    module: new URL('./thread.ts', import.meta.url),
    data: { dimensions },
  });
  return thread.proxy<Embedder>({ model: lexicalModel, dimensions, kind: 'lexical', close: () => thread.stop() });
}
