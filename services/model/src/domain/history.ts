import { compareKeys, type Row } from '@mindora/contracts';
import type { ModelDependencies } from './dependencies.ts';

/** Exchanges of a session that go along with a new message. */
const exchangesMax = 10;
/** Sessions whose latest exchanges are remembered. */
const sessionsMax = 5000;

export interface SessionHistory {
  /** The latest exchanges of a user's session, oldest first. */
  latest(userId: string, sessionId: string): Promise<Row[]>;
  /** Notes an exchange that was just written. */
  wrote(userId: string, sessionId: string, id: string): void;
}

/**
 * Histories come from the relational store, which is a little behind the primary. So that a quick next message has
 * the one before it, the ids (no content) of what was written here are kept, and what the store hasn't yet is read
 * from the primary.
 */
export function sessionHistory({ relational, primary }: ModelDependencies): SessionHistory {
  const written = new Map<string, string[]>();
  const keyOf = (userId: string, sessionId: string): string => JSON.stringify([userId, sessionId]);
  return {
    async latest(userId, sessionId) {
      const { items } = await relational.conversations({ userId, sessionId, limit: exchangesMax, after: null });
      const present = new Set(items.map(({ id }) => id));
      const missing = (written.get(keyOf(userId, sessionId)) ?? []).filter((id) => !present.has(id));
      const read = await Promise.all(missing.map((id) => primary.get({ entity: 'conversation', id })));
      const rows = [...items, ...read.filter((row) => row !== null && row.session_id === sessionId)] as Row[];
      return rows.sort(byTime).slice(-exchangesMax);
    },
    wrote(userId, sessionId, id) {
      const key = keyOf(userId, sessionId);
      const ids = [...(written.get(key) ?? []), id].slice(-exchangesMax);
      written.delete(key);
      written.set(key, ids);
      const [oldest] = written.keys();
      if (written.size > sessionsMax && oldest !== undefined) written.delete(oldest);
    },
  };
}

function byTime(a: Row, b: Row): number {
  return compareKeys(String(a.created_at), String(b.created_at)) || compareKeys(String(a.id), String(b.id));
}
