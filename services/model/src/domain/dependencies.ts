import type { Clock, Random, Secret } from '@mindora/runtime';
import type { PrimaryRecords, RelationalQueries } from '@mindora/stores';

/** An endpoint with OpenAI's chat completions. */
export interface ModelEndpoint {
  /** With or without `/chat/completions` at its end. */
  readonly baseUrl: string;
  readonly apiKey: Secret | null;
  readonly model: string;
}

export interface ModelDependencies {
  readonly primary: Pick<PrimaryRecords, 'write' | 'find' | 'get'>;
  readonly relational: Pick<RelationalQueries, 'conversations'>;
  readonly clock: Pick<Clock, 'now' | 'sleep'>;
  readonly random: Random;
  /** Where no active ai_service_config names one; null: then there is none. */
  readonly endpoint: ModelEndpoint | null;
  /** 32 bytes: what keys of model endpoints are encrypted with. */
  readonly masterKey: Buffer;
  /** For one answer with all its retries (default 60 s). */
  readonly timeoutMs?: number;
  /** Before the first retry, doubling (default 250 ms). */
  readonly firstPauseMs?: number;
  /** Answers under way at once (default 64); more are `overloaded`. */
  readonly concurrencyMax?: number;
}

export const modelTimeoutMs = 60_000;
