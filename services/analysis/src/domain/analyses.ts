import { entities, type Row } from '@mindora/contracts';
import { newAnalysis } from '@mindora/contracts/routes';
import type { Random } from '@mindora/runtime';
import {
  type BatchOutcome,
  type CacheQueries,
  type Fields,
  ownedRecords,
  type PrimaryRecords,
  type RelationalQueries,
} from '@mindora/stores';

export interface AnalysisDependencies {
  readonly primary: Pick<PrimaryRecords, 'write' | 'writeEach' | 'get'>;
  readonly cache: Pick<CacheQueries, 'record'>;
  readonly relational: Pick<RelationalQueries, 'analyses' | 'analysisStatistics'>;
  readonly random: Random;
}

export interface AnalysisPage {
  readonly limit: number;
  readonly cursor?: string | undefined;
  readonly analysis_type?: string | undefined;
}

type Scope = string | null;

/** What the analysis service does (A1.2, A1.5, A2.3, A4.7). */
export function analysisUseCases({ primary, cache, relational, random }: AnalysisDependencies) {
  const records = ownedRecords({
    entity: 'analysis',
    schema: newAnalysis,
    idField: 'analysis_id',
    columns: ['user_id', 'analysis_type', 'input_content', 'analysis_result', 'confidence_score', 'processing_time'],
    primary,
    cache,
    random,
  });
  return {
    async create(fields: Fields, scope: Scope) {
      const { id, position } = await records.create(fields, scope);
      return { analysis_id: id, position };
    },
    async createBatch(items: readonly unknown[], scope: Scope) {
      const { outcomes, position } = await records.createEach(items, scope);
      return { results: outcomes.map(resultOf), position };
    },
    async get(id: string, scope: Scope) {
      const { row, source } = await records.get(id, scope);
      return { analysis: row, source };
    },
    async update(id: string, change: Fields, scope: Scope) {
      const { row, position } = await records.update(id, change, scope);
      return { analysis_id: id, analysis: row, position };
    },
    async remove(id: string, scope: Scope) {
      return { analysis_id: id, ...(await records.remove(id, scope)) };
    },
    async list(userId: string, { limit, cursor, analysis_type }: AnalysisPage) {
      const query = { userId, sessionId: null, analysisType: analysis_type ?? null, limit, after: cursor ?? null };
      const { items, next } = await relational.analyses(query);
      return { analyses: items.map(analysisOf), next };
    },
    /** Of one user, or of all. */
    async statistics(userId: string | null) {
      const { total, averageConfidence } = await relational.analysisStatistics(userId);
      return { statistics: { total_analyses: total, average_confidence: averageConfidence } };
    },
  };
}

function resultOf({ index, id, problem }: BatchOutcome) {
  return problem === null
    ? { index, status: 'success' as const, analysis_id: id }
    : { index, status: 'error' as const, problem };
}

/** The record alone: the store keeps facts of its own (which embedding) beside it. */
function analysisOf(document: Row): Row {
  const fields = Object.keys(entities.analysis.columns);
  return Object.fromEntries(fields.map((field) => [field, document[field] ?? null]));
}
