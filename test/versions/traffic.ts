/** Writes and reads of one version at a fixed rate, all of them with the version's own marker. */
import { setTimeout as pause } from 'node:timers/promises';
import type { EmbeddedVersion } from './start.ts';

/** What names a version's data: a word in every text, user and session of it, and the ids that it made. */
export interface Identity {
  readonly name: string;
  readonly marker: string;
  readonly ids: Set<string>;
}

export interface Traffic {
  sent: number;
  acknowledged: number;
  reads: number;
  failed: number;
  /** Due, but too many were under way. */
  skipped: number;
  /** Answers with another version's marker in them. */
  foreignAnswers: number;
  /** From when a write was due until it was acknowledged. */
  readonly latenciesMs: number[];
}

export interface RunningTraffic {
  readonly traffic: Traffic;
  /** Ends when all that is under way was answered. */
  stop(): Promise<void>;
}

const inFlightMax = 256;
const users = 50;
const timeoutMs = 30_000;

/** Starts it: so many writes a second, and half as many reads. */
export function startTraffic(
  version: EmbeddedVersion,
  own: Identity,
  others: readonly Identity[],
  ratePerSecond: number,
): RunningTraffic {
  const traffic: Traffic = {
    sent: 0,
    acknowledged: 0,
    reads: 0,
    failed: 0,
    skipped: 0,
    foreignAnswers: 0,
    latenciesMs: [],
  };
  const underWay = new Set<Promise<void>>();
  const stop = new AbortController();
  const start = (work: Promise<void>): void => {
    const settled = work.catch(() => void traffic.failed++).finally(() => underWay.delete(settled));
    underWay.add(settled);
  };
  const ask = (method: string, path: string, body?: object) => askVersion(version, others, traffic, method, path, body);
  const loop = async (): Promise<void> => {
    const began = performance.now();
    for (let n = 0; !stop.signal.aborted; n++) {
      const dueAt = began + (1000 * n) / ratePerSecond;
      const early = dueAt - performance.now();
      if (early > 0) await pause(early, undefined, { signal: stop.signal }).catch(() => undefined);
      if (stop.signal.aborted) return;
      if (underWay.size >= inFlightMax) traffic.skipped += 1;
      else {
        start(write(ask, own, traffic, n, dueAt));
        if (n % 2 === 0) start(read(ask, own, traffic, n / 2));
      }
    }
  };
  const looping = loop();
  return {
    traffic,
    async stop() {
      stop.abort();
      await looping;
      await Promise.all(underWay);
    },
  };
}

type Ask = (method: string, path: string, body?: object) => Promise<Record<string, unknown>>;

async function askVersion(
  { url, adminKey }: EmbeddedVersion,
  others: readonly Identity[],
  traffic: Traffic,
  method: string,
  path: string,
  body?: object,
): Promise<Record<string, unknown>> {
  const response = await fetch(url + path, {
    method,
    signal: AbortSignal.timeout(timeoutMs),
    headers: {
      authorization: `Bearer ${adminKey}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (others.some(({ marker }) => text.includes(marker))) traffic.foreignAnswers += 1;
  if (!response.ok) throw new Error(`answered ${response.status}`);
  return JSON.parse(text) as Record<string, unknown>;
}

async function write(ask: Ask, own: Identity, traffic: Traffic, n: number, dueAt: number): Promise<void> {
  traffic.sent += 1;
  const { marker, ids } = own;
  const user_id = `${marker}-u${n % users}`;
  const changed = n % 10 === 9 ? lastOf(ids) : null;
  if (changed !== null) {
    await ask('PATCH', `/api/v1/ai/conversation/${changed}`, { ai_response: `${marker} changed by ${n}` });
  } else if (n % 10 === 8) {
    const analysis = { user_id, analysis_type: 'resume', input_content: `${marker} text ${n}` };
    const answer = await ask('POST', '/api/v1/ai/analysis', { ...analysis, analysis_result: { marker, n } });
    ids.add(String(answer.analysis_id));
  } else {
    const said = { user_input: `${marker} question ${n} 问题`, ai_response: `${marker} answer ${n}` };
    const answer = await ask('POST', '/api/v1/ai/conversation', {
      ...{ user_id, session_id: `${marker}-s${n % 200}`, model_name: 'deepseek-chat', context: { marker } },
      ...said,
    });
    ids.add(String(answer.conversation_id));
    lastConversations.set(ids, String(answer.conversation_id));
  }
  traffic.acknowledged += 1;
  traffic.latenciesMs.push(performance.now() - dueAt);
}

/** What changes and reads are about. */
const lastConversations = new WeakMap<Set<string>, string>();

function lastOf(ids: Set<string>): string | null {
  return lastConversations.get(ids) ?? null;
}

async function read(ask: Ask, { marker, ids }: Identity, traffic: Traffic, n: number): Promise<void> {
  const user = `${marker}-u${n % users}`;
  const id = lastOf(ids);
  const kinds = [
    () => ask('GET', `/api/v1/ai/history/${user}?limit=20`),
    () => ask('POST', '/api/v1/ai/search/conversations', { query: `question ${n}`, limit: 10 }),
    () => ask('POST', '/api/v1/ai/search', { query: `answer ${n}`, limit: 10 }),
    () => ask('GET', id === null ? '/api/v1/ai/statistics' : `/api/v1/ai/conversation/${id}`),
    () => ask('POST', '/api/v1/ai/search/conversations/mongodb', { query: { user_id: user }, limit: 10 }),
  ];
  await kinds[n % kinds.length]?.();
  traffic.reads += 1;
}
