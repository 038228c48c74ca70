export { type AnalysisDependencies, createAnalysisService } from './analysis.service.ts';
