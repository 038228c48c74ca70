import type { EventBus } from '@mindora/bus';
import type { RecordKey, RetentionPolicy, Role } from '@mindora/contracts';
import type { Clock, Logger, Random } from '@mindora/runtime';
import { MindoraError, toMindoraError } from '@mindora/runtime';
import type { PrimaryLedger, Target } from '@mindora/stores';
import type { Embedder } from '@mindora/stores/embedder/port';

/** What all of sync is made of: every effect comes in through one of these ports (rule 18). */
export interface SyncParts {
  readonly ledger: PrimaryLedger;
  readonly bus: EventBus;
  readonly targets: ReadonlyMap<Role, Target>;
  readonly embedder: Pick<Embedder, 'model' | 'dimensions' | 'embed'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly retention: RetentionPolicy;
  /** How often a store is filled; null: at once (A4.1-A4.4). */
  scheduledEveryMs(role: Role): number | null;
  /** How often an idle store is looked at. */
  readonly watchMs: number;
}

/** A record's name as a key of maps. */
export function nameOf(record: RecordKey): string {
  return `${record.entity}\0${record.id}`;
}

/** The error for whoever waits while sync stops. */
export function stopping(): MindoraError {
  return new MindoraError('shutting_down', 'sync is stopping');
}

/** What a log may say of an error: its code and message, which never hold content. */
export function facts(thrown: unknown): { code: string; detail: string } {
  const error = toMindoraError(thrown);
  return { code: error.code, detail: error.code === 'internal' ? placeOf(error) : error.message };
}

/** Of what nobody expected: its kind and where it came from, but not its message, which may quote content. */
function placeOf(error: Error): string {
  const cause = error.cause instanceof Error ? error.cause : error;
  const frame = cause.stack?.split('\n').find((line) => line.trimStart().startsWith('at '));
  return `${error.message}: ${cause.name} ${frame?.trim() ?? ''}`.trimEnd();
}

/** Chunks of at most `size`. */
export function* chunksOf<T>(items: readonly T[], size: number): Generator<T[]> {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size);
}
