import { canonicalJson, type Json, type Row } from '@mindora/contracts';
import type { NearestQuery, Neighbour } from '../vectors/port.ts';

type Projected = Readonly<Record<string, (row: Row) => Json>>;
const field = (name: string) => (row: Row) => row[name] ?? null;

/** The fields of `documents.vectors` without the vector, from the relational rows. */
const projections: Readonly<Record<NearestQuery['entity'], Projected>> = {
  conversation: {
    conversationId: field('id'),
    userInput: field('user_input'),
    aiResponse: field('ai_response'),
    userId: field('user_id'),
    sessionId: field('session_id'),
    modelName: field('model_name'),
    createdAt: field('created_at'),
  },
  analysis: {
    analysisId: field('id'),
    analysisType: field('analysis_type'),
    inputContent: field('input_content'),
    analysisResult: (row) => canonicalJson(row.analysis_result ?? null),
    confidenceScore: field('confidence_score'),
    userId: field('user_id'),
    createdAt: field('created_at'),
  },
};

/** A row of the relational store as a neighbour at a cosine distance. */
export function asNeighbour(
  entity: NearestQuery['entity'],
  { id, document }: { readonly id: string; readonly document: Row },
  distance: number,
): Neighbour {
  const projected = Object.entries(projections[entity]).map(([name, value]) => [name, value(document)] as const);
  return { id, score: Math.max(-1, Math.min(1, 1 - distance)), document: Object.fromEntries(projected) };
}
