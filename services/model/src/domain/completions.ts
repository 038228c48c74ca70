/** One question to an endpoint with OpenAI's chat completions: bounded in time, tries and size. */
import { backoffMs, type Clock, MindoraError, type Random, toMindoraError } from '@mindora/runtime';
import { type Completion, parseCompletion } from './answers.ts';
import type { Target } from './endpoints.ts';

export interface Message {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

export interface CompletionPorts {
  readonly clock: Pick<Clock, 'now' | 'sleep'>;
  readonly random: Random;
  readonly timeoutMs: number;
  readonly firstPauseMs: number;
}

const triesMax = 3;
/** Largest answer that is read. */
const answerBytesMax = 8 * 1024 * 1024;
/** Longest pause that an endpoint may ask for. */
const retryAfterMsMax = 10_000;

/** What one try came to: an answer, or a pause before the next one. */
type Try = { readonly completion: Completion } | { readonly failure: MindoraError; readonly pauseMs: number | null };

/** @throws MindoraError `model_failed`; its detail holds nothing of the question or the answer */
export async function complete(target: Target, messages: readonly Message[], ports: CompletionPorts) {
  const { signal, cancel } = deadline(ports);
  try {
    return await completeBefore(target, messages, ports, signal);
  } finally {
    cancel();
  }
}

async function completeBefore(
  target: Target,
  messages: readonly Message[],
  { clock, random, firstPauseMs }: CompletionPorts,
  signal: AbortSignal,
): Promise<Completion> {
  for (let attempt = 0; ; attempt++) {
    const tried = await tryOnce(target, messages, signal);
    if ('completion' in tried) return tried.completion;
    if (signal.aborted) throw new MindoraError('model_failed', 'the endpoint gave no answer in time');
    if (tried.pauseMs === null || attempt + 1 >= triesMax) throw tried.failure;
    await clock.sleep(Math.max(tried.pauseMs, backoffMs(attempt, random, firstPauseMs)), signal);
  }
}

async function tryOnce(target: Target, messages: readonly Message[], signal: AbortSignal): Promise<Try> {
  try {
    const response = await fetch(target.url, { ...requestOf(target, messages), signal });
    if (response.ok) return { completion: parseCompletion(await textOf(response)) };
    await response.body?.cancel();
    const failure = new MindoraError('model_failed', `the endpoint answered ${response.status}`);
    return { failure, pauseMs: mayRetry(response.status) ? retryAfterMs(response) : null };
  } catch (thrown) {
    const error = toMindoraError(thrown);
    if (error.code !== 'internal') return { failure: error, pauseMs: null };
    return {
      failure: new MindoraError('model_failed', "the endpoint can't be reached", { cause: thrown }),
      pauseMs: 0,
    };
  }
}

function requestOf({ apiKey, model, maxTokens, temperature }: Target, messages: readonly Message[]): RequestInit {
  return {
    method: 'POST',
    // Followed, a redirect would take question and key to wherever it leads.
    redirect: 'manual',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json',
      ...(apiKey === null ? {} : { authorization: `Bearer ${apiKey.reveal()}` }),
    },
    body: JSON.stringify({ model, messages, max_tokens: maxTokens, temperature, stream: false }),
  };
}

function mayRetry(status: number): boolean {
  return status === 429 || status >= 500;
}

function retryAfterMs(response: Response): number {
  const seconds = Number(response.headers.get('retry-after') ?? 0);
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds * 1000, retryAfterMsMax) : 0;
}

async function textOf(response: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of response.body ?? []) {
    bytes += part.byteLength;
    // Leaving the loop ends the transfer.
    if (bytes > answerBytesMax) throw new MindoraError('model_failed', 'the answer is too large');
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

function deadline({ clock, timeoutMs }: CompletionPorts): { signal: AbortSignal; cancel: () => void } {
  const expired = new AbortController();
  const done = new AbortController();
  void clock.sleep(timeoutMs, done.signal).then(() => {
    if (!done.signal.aborted) expired.abort();
  });
  return { signal: expired.signal, cancel: () => done.abort() };
}
