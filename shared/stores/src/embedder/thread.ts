/** Runs the lexical embedder in a thread of its own: started by `lexicalThread` in index.ts. */
import { runThread } from '@mindora/runtime';
import { createLexicalEmbedder, type LexicalOptions } from './lexical.ts';

await runThread<LexicalOptions>(async (options) => {
  const embedder = createLexicalEmbedder(options);
  return { service: embedder, close: () => embedder.close() };
});
