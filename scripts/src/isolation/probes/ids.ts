/** Ids of one version in the routes of another: a record that is here must not be there. */
import type { RouteDefinition } from '@mindora/contracts';
import { routes } from '@mindora/contracts/routes';
import { ask, pathOf, type Request } from '../http.ts';
import { type Marker, tells } from '../markers.ts';
import type { Party } from '../party.ts';
import { type Attempt, crossed, held, type Probe, reasonOf, untried } from '../probe.ts';

/** What a record of one's own would be changed to. */
const changes: Readonly<Record<string, object>> = {
  'conversation.update': { model_name: 'isolation' },
  'analysis.update': { analysis_type: 'isolation' },
};
/** Of the calls that change something only these: they could hit nothing but what this run has written. */
const changing = new Set([...Object.keys(changes), 'conversation.remove', 'analysis.remove']);

function paramsOf({ conversationId, analysisId, userId, sessionId }: Marker): Readonly<Record<string, string>> {
  return {
    conversation_id: conversationId,
    analysis_id: analysisId,
    user_id: userId,
    session_id: sessionId,
    collection: 'conversations',
  };
}

const known = new Set(Object.keys(paramsOf({} as Marker)));

/** Routes whose parameters a marker can fill, those that change something last. */
const tried: readonly RouteDefinition[] = routes
  .filter(({ path, method, action }) => {
    const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? '');
    const fits = names.length > 0 && names.every((name) => known.has(name));
    return fits && (method === 'GET' || changing.has(action));
  })
  .toSorted((one, other) => Number(changing.has(one.action)) - Number(changing.has(other.action)));

export const foreignIds: Probe = {
  name: 'foreign-ids',
  kind: 'application',
  tries: 'ids of records of one version in every route of another that takes them, by its own administrator',
  async attack({ attacker, victim, markers }) {
    const what = `ids of ${attacker.name} at the gateway of ${victim.name}`;
    const marker = markers.get(attacker.name) ?? { missing: 'nothing was written' };
    if ('missing' in marker) return [untried(what, `${attacker.name}: ${marker.missing}`)];
    const attempts: Attempt[] = [];
    for (const route of tried) attempts.push(await attempt(route, marker, attacker, victim));
    return attempts;
  },
};

async function attempt(route: RouteDefinition, marker: Marker, attacker: Party, victim: Party): Promise<Attempt> {
  const path = pathOf(route, paramsOf(marker), '');
  const what = `${route.method} ${route.path} with ids of ${attacker.name}`;
  try {
    // What changes something is told from what reads it: the record is there at home.
    const isHome = route.method !== 'GET' || (await isAnswered(attacker, path));
    if (!isHome) return untried(what, 'not answered at home either');
    const { status, text } = await call(victim, path, requestOf(route));
    if (status === 404) return held(what, '404');
    if (status >= 300) return untried(what, String(status));
    if (route.method !== 'GET') return crossed(what, `${status}: a record of that id was there`);
    return tells(text, marker, path)
      ? crossed(what, `${status} with its content`)
      : held(what, `${status}, nothing of it`);
  } catch (error) {
    return untried(what, reasonOf(error));
  }
}

function requestOf({ method, action }: RouteDefinition): Request {
  const body = changes[action];
  return body === undefined ? { method } : { method, body };
}

async function isAnswered(party: Party, path: string): Promise<boolean> {
  const { status } = await call(party, path, {});
  return status < 300;
}

function call({ gateway, name }: Party, path: string, request: Request) {
  if (gateway === null) throw new Error(`${name} is not running`);
  return ask(gateway.url + path, { ...request, credential: gateway.adminKey?.reveal() ?? null });
}
