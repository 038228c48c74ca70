import type { Json } from '@mindora/contracts';
import type { RoleProjections } from './context.ts';

/** Most skills that one analysis contributes to the graph. */
const skillsMax = 100;

/** Skills found by an analysis: `analysis_result.skills`, an array of names or of objects with a name. */
function skillsOf(result: Json | undefined): string[] {
  if (typeof result !== 'object' || result === null || Array.isArray(result)) return [];
  const listed = result.skills;
  if (!Array.isArray(listed)) return [];
  const names = new Set<string>();
  for (const entry of listed) {
    const name = nameOf(entry);
    if (name !== '' && names.size < skillsMax) names.add(name);
  }
  return [...names];
}

function nameOf(entry: Json): string {
  if (typeof entry === 'string') return entry.trim();
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) return '';
  return typeof entry.name === 'string' ? entry.name.trim() : '';
}

/** Nodes of conversations and analyses; the engine merges the shared nodes they point to (A2.5, rule 12). */
export const graphProjections: RoleProjections = {
  conversation: (row) => ({
    conversationId: row.id ?? null,
    userId: row.user_id ?? null,
    sessionId: row.session_id ?? null,
    modelName: row.model_name ?? null,
    userInput: row.user_input ?? null,
    aiResponse: row.ai_response ?? null,
    createdAt: row.created_at ?? null,
  }),
  analysis: (row) => ({
    analysisId: row.id ?? null,
    userId: row.user_id ?? null,
    analysisType: row.analysis_type ?? null,
    skills: skillsOf(row.analysis_result),
    createdAt: row.created_at ?? null,
  }),
};
