/**
 * Markers: records with random words, written into each running version through its gateway, so that they pass through
 * every store of it. Nothing of them may be found in another version. They are deleted at the end.
 */
import { type Clock, MindoraError, type Random } from '@mindora/runtime';
import { ask } from './http.ts';
import type { Party } from './party.ts';
import { type Place, places } from './places.ts';
import { reasonOf } from './probe.ts';

export interface Marker {
  /** A word in the text of its records. */
  readonly word: string;
  readonly userId: string;
  readonly sessionId: string;
  readonly conversationId: string;
  readonly analysisId: string;
  /** Paths of what was written for it, by which it is deleted. */
  readonly paths: readonly string[];
  /** Names of the places in which its own version shows it; it may be looked for in the same places elsewhere. */
  readonly seenIn: ReadonlySet<string>;
}

/** A marker a version, or the reason why it has none. */
export type MarkersByVersion = ReadonlyMap<string, Marker | { readonly missing: string }>;

const wordBytes = 12;
/** How long sync may take to carry it to every store. */
const visibleMsMax = 60_000;
const pollEveryMs = 50;
const removalsMax = 3;
/** Of a version with a lot to do. */
const timeoutMs = 20_000;

/** Everything random in a marker: whoever finds one of these has found it. */
export function wordsOf({ word, userId, sessionId, conversationId, analysisId }: Marker): string[] {
  return [word, userId, sessionId, conversationId, analysisId];
}

/** Writes one into each version, and waits until it can be seen there. */
export async function plantMarkers(
  parties: readonly Party[],
  ports: { clock: Clock; random: Random },
): Promise<MarkersByVersion> {
  const planted = parties.map(async (party) => {
    const marker = await plant(party, ports).catch((error: unknown) => ({ missing: reasonOf(error) }));
    return [party.name, marker] as const;
  });
  return new Map(await Promise.all(planted));
}

async function plant({ gateway }: Party, { clock, random }: { clock: Clock; random: Random }): Promise<Marker> {
  const adminKey = gateway?.adminKey ?? null;
  if (gateway === null || adminKey === null) throw new MindoraError('store_unavailable', 'the version is not running');
  const part = (): string => random.bytes(wordBytes).toString('hex');
  const draft: Marker = {
    word: `marker${part()}`,
    userId: `isolation-${part()}`,
    sessionId: `isolation-${part()}`,
    conversationId: `iso-${part()}`,
    analysisId: `iso-${part()}`,
    paths: [],
    seenIn: new Set(),
  };
  const credential = adminKey.reveal();
  const writes = await Promise.allSettled(recordsOf(draft).map((record) => write(gateway.url, credential, record)));
  const paths = writes.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const refused = writes.find((one) => one.status === 'rejected');
  if (refused !== undefined) {
    await Promise.all(paths.map((path) => remove(gateway.url + path, credential)));
    throw refused.reason;
  }
  return { ...draft, paths, seenIn: await untilSeen(gateway.url, credential, draft, clock) };
}

interface NewRecord {
  readonly path: string;
  readonly body: object;
}

/** Between them they come into every store; identity, governance and credit are filled on a schedule. */
function recordsOf(marker: Marker): NewRecord[] {
  const { word, userId } = marker;
  return [
    { path: '/api/v1/ai/conversation', body: conversationOf(marker) },
    { path: '/api/v1/ai/analysis', body: analysisOf(marker) },
    { path: '/api/v1/admin/ai_identities', body: { user_id: userId, display_name: word } },
    { path: '/api/v1/admin/points_accounts', body: { user_id: userId } },
    { path: '/api/v1/admin/companies', body: { company_name: word, registration_number: word } },
  ];
}

/** @returns the path of what was written */
async function write(url: string, credential: string, { path, body }: NewRecord): Promise<string> {
  const { status, text } = await ask(url + path, { method: 'POST', credential, body, timeoutMs });
  if (status !== 201) throw new MindoraError('store_unavailable', `the gateway answers a write with ${status}`);
  const answer = JSON.parse(text) as Readonly<Record<string, string>>;
  return `${path}/${answer.conversation_id ?? answer.analysis_id ?? answer.id}`;
}

/** The word several times: in a file's pages one of them may be cut in two. */
function conversationOf({ word, userId, sessionId, conversationId }: Marker): object {
  return {
    conversation_id: conversationId,
    user_id: userId,
    session_id: sessionId,
    user_input: `${word} ${word}`,
    ai_response: `${word} ${word}`,
    model_name: 'isolation',
  };
}

function analysisOf({ word, userId, analysisId }: Marker): object {
  return {
    analysis_id: analysisId,
    user_id: userId,
    analysis_type: 'isolation',
    input_content: `${word} ${word}`,
    analysis_result: { word },
  };
}

async function untilSeen(url: string, credential: string, marker: Marker, clock: Clock): Promise<ReadonlySet<string>> {
  const seen = new Set<string>();
  const endsAt = clock.now() + visibleMsMax;
  while (seen.size < places.length && clock.now() < endsAt) {
    const missing = places.filter(({ name }) => !seen.has(name));
    await Promise.all(
      missing.map(async (place) => {
        if (await showsMarker(url, credential, place, marker)) seen.add(place.name);
      }),
    );
    if (seen.size < places.length) await clock.sleep(pollEveryMs);
  }
  return seen;
}

/** Whether a place of a version shows a marker: words that the question didn't name. */
export async function showsMarker(url: string, credential: string, place: Place, marker: Marker): Promise<boolean> {
  const { path, body } = place.ask(marker);
  const request = body === undefined ? {} : { method: 'POST', body };
  const answer = await ask(url + path, { ...request, credential, timeoutMs }).catch(() => null);
  return answer !== null && answer.status === 200 && tells(answer.text, marker, `${path} ${JSON.stringify(body)}`);
}

/** Whether an answer holds a word of a marker that the question didn't hold. */
export function tells(answer: string, marker: Marker, question: string): boolean {
  return wordsOf(marker).some((word) => answer.includes(word) && !question.includes(word));
}

/**
 * Deletes what was written.
 *
 * @returns URLs of records that are still there: their version was stopped meanwhile, or refused
 */
export async function removeMarkers(parties: readonly Party[], markers: MarkersByVersion): Promise<string[]> {
  const removals = parties.flatMap(({ name, gateway }) => {
    const marker = markers.get(name);
    if (gateway === null || marker === undefined || 'missing' in marker) return [];
    const credential = gateway.adminKey?.reveal() ?? null;
    return marker.paths.map(async (path) =>
      (await remove(gateway.url + path, credential)) ? [] : [gateway.url + path],
    );
  });
  return (await Promise.all(removals)).flat();
}

/** Whether it is gone; who is slow to answer is asked again. */
async function remove(url: string, credential: string | null): Promise<boolean> {
  for (let attempt = 1; attempt <= removalsMax; attempt++) {
    const answer = await ask(url, { method: 'DELETE', credential, timeoutMs }).catch(() => null);
    if (answer !== null && (answer.status === 200 || answer.status === 404)) return true;
  }
  return false;
}
