import type { Row } from '@mindora/contracts';
import { MindoraError, toMindoraError } from '@mindora/runtime';
import type { Embedder, NearestQuery, Neighbour, VectorQueries } from '@mindora/stores';

export interface VectorDependencies {
  readonly embedder: Pick<Embedder, 'embed' | 'model' | 'kind'>;
  readonly vectors: VectorQueries;
  /** Holds the same vectors (A2.2), and answers where the vector store can't. */
  readonly relational: VectorQueries;
}

export interface SemanticSearch {
  readonly query: string;
  readonly limit: number;
  readonly user_id?: string | undefined;
}

type Scope = string | null;

const conversationFields = [
  'conversationId',
  'userInput',
  'aiResponse',
  'userId',
  'sessionId',
  'modelName',
  'createdAt',
] as const;

type ConversationHit = Record<(typeof conversationFields)[number], string> & { score: number };

/** What the vector service does (A1.3, A2.4). Who isn't an administrator finds its own records only. */
export function vectorUseCases(dependencies: VectorDependencies) {
  const { model, kind } = dependencies.embedder;
  const search = async (entity: NearestQuery['entity'], { query, limit, user_id }: SemanticSearch, scope: Scope) => {
    const vector = await vectorOf(dependencies, query);
    const found = await nearest(dependencies, { entity, vector, limit, userId: scope ?? user_id ?? null });
    return { ...found, embedding: { model, kind } };
  };
  return {
    async conversations(request: SemanticSearch, scope: Scope) {
      const { neighbours, ...rest } = await search('conversation', request, scope);
      return { results: neighbours.map(conversationHit), ...rest };
    },
    async analyses(request: SemanticSearch, scope: Scope) {
      const { neighbours, ...rest } = await search('analysis', request, scope);
      return { results: neighbours.map(analysisHit), ...rest };
    },
  };
}

async function vectorOf({ embedder }: VectorDependencies, text: string): Promise<Float32Array> {
  const [vector] = await embedder.embed([text]);
  if (vector === undefined) throw new MindoraError('embedder_unavailable', 'the embedder gave no vector');
  return vector;
}

async function nearest({ vectors, relational }: VectorDependencies, query: NearestQuery) {
  try {
    return { neighbours: await vectors.nearest(query), store: 'vectors' as const };
  } catch (thrown) {
    const error = toMindoraError(thrown);
    if (error.code !== 'store_unavailable') throw error;
    return { neighbours: await relational.nearest(query), store: 'relational' as const };
  }
}

function conversationHit({ document, score }: Neighbour): ConversationHit {
  const fields = conversationFields.map((field) => [field, document[field] ?? null]);
  return { ...(Object.fromEntries(fields) as ConversationHit), score };
}

function analysisHit({ id, document, score }: Neighbour): Row & { analysisId: string; score: number } {
  const { vector: _, ...fields } = document;
  return { ...fields, analysisId: id, score };
}
