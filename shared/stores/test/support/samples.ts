import type { EntityName, Row } from '@mindora/contracts';
import { type Clock, systemClock } from '@mindora/runtime';
import type { ApplyBatch, ApplyItem } from '../../src/port.ts';

/** A clock that stands where it is put; pauses are real. */
export interface StandingClock extends Clock {
  at: number;
}

export function standingClock(at = Date.parse('2026-03-01T00:00:00Z')): StandingClock {
  const clock: StandingClock = { ...systemClock(), at, now: () => clock.at };
  return clock;
}

/** Canonical time of a second in March 2026. */
export function time(second: number): string {
  return `2026-03-01T${new Date(second * 1000).toISOString().slice(11, 19)}.000000Z`;
}

const exchange = (userId: string): Row => ({
  user_id: userId,
  session_id: 's1',
  user_input: 'question',
  ai_response: 'answer',
  model_name: 'm',
});

export function relationalConversation(
  id: string,
  userId: string,
  second: number,
  embeddingId: string | null = null,
): Row {
  const times = { created_at: time(second), updated_at: time(second) };
  return { id, ...exchange(userId), conversation_context: null, embedding_id: embeddingId, ...times };
}

export function storedConversation(id: string, userId: string, second: number, context: Row[string] = null): Row {
  return { id, ...exchange(userId), context, created_at: time(second), updated_at: time(second) };
}

export function analysis(id: string, userId: string, score: number | null, second = 0): Row {
  return {
    id,
    user_id: userId,
    analysis_type: 'cv',
    input_content: 'text',
    analysis_result: { skills: ['sql'] },
    confidence_score: score,
    processing_time: 5,
    created_at: time(second),
    updated_at: time(second),
  };
}

/** An item whose owner is the document's user. */
export function item(
  entity: EntityName,
  id: string,
  version: number,
  document: Row | null,
  more: Partial<ApplyItem> = {},
): ApplyItem {
  const owner = typeof document?.user_id === 'string' ? document.user_id : null;
  return { entity, id, version, owner, document, expiresAt: null, ...more };
}

export function batch(...items: ApplyItem[]): ApplyBatch {
  return { items, positions: [] };
}

/** Polls until the condition holds. */
export async function until(condition: () => boolean, deadlineMs = 10_000): Promise<void> {
  const endsAt = performance.now() + deadlineMs;
  while (!condition()) {
    if (performance.now() > endsAt) throw new Error(`not within ${deadlineMs} ms`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
