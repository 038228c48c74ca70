import { canonicalJson } from '@mindora/contracts';
import { MindoraError } from '@mindora/runtime';
import type { ProjectionContext, RoleProjections } from './context.ts';

function vectorOf(context: ProjectionContext): string {
  if (context.embedding === null) throw new MindoraError('internal', 'a vector is needed and was not resolved');
  return context.embedding.vector;
}

/** Objects with their vectors (A2.4). */
export const vectorProjections: RoleProjections = {
  conversation: (row, context) => ({
    conversationId: row.id ?? null,
    userInput: row.user_input ?? null,
    aiResponse: row.ai_response ?? null,
    userId: row.user_id ?? null,
    sessionId: row.session_id ?? null,
    modelName: row.model_name ?? null,
    createdAt: row.created_at ?? null,
    vector: vectorOf(context),
  }),
  analysis: (row, context) => ({
    analysisId: row.id ?? null,
    analysisType: row.analysis_type ?? null,
    inputContent: row.input_content ?? null,
    analysisResult: canonicalJson(row.analysis_result ?? null),
    confidenceScore: row.confidence_score ?? null,
    userId: row.user_id ?? null,
    createdAt: row.created_at ?? null,
    vector: vectorOf(context),
  }),
};
