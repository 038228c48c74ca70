/** The engines whose stores are measured: one line each. */
import { elasticsearch } from './elasticsearch.ts';
import type { ApplyBench } from './harness.ts';
import { mariadb } from './mariadb.ts';
import { mongodb } from './mongodb.ts';
import { neo4j } from './neo4j.ts';
import { postgres } from './postgres.ts';
import { redis } from './redis.ts';
import { weaviate } from './weaviate.ts';

export { measureApplyOf } from './harness.ts';

/** By the name that `--only` takes. */
export const applyBenches: Readonly<Record<string, ApplyBench>> = {
  postgres,
  redis,
  mongodb,
  elasticsearch,
  neo4j,
  weaviate,
  mariadb,
};
