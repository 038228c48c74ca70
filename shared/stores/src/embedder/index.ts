import { type Clock, type Random, Thread } from '@mindora/runtime';
import { createEndpointEmbedder, type EndpointOptions } from './endpoint.ts';
import { createLexicalEmbedder, type LexicalOptions } from './lexical.ts';
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

/** The module of the lexical embedder's thread, for `Thread.start`, with {@link LexicalOptions}. */
export const lexicalThreadModule = new URL('./thread.ts', import.meta.url);

/** The lexical embedder that a thread serves, for callers whose event loop must stay free (rule 5). */
export function connectLexical(thread: Thread, options: LexicalOptions = {}): Embedder {
  const { model, dimensions, kind } = createLexicalEmbedder(options);
  return thread.proxy<Embedder>({ model, dimensions, kind, close: () => thread.stop() });
}

/** Starts a thread with the lexical embedder; closing the embedder ends it. @throws MindoraError for wrong options */
export async function lexicalThread(options: LexicalOptions = {}): Promise<Embedder> {
  // Wrong options are told here and not by a thread that can't start.
  createLexicalEmbedder(options);
  const thread = await Thread.start<LexicalOptions>({ name: 'embedder', module: lexicalThreadModule, data: options });
  return connectLexical(thread, options);
}
