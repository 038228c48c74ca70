/** Where a gateway shows the content of its stores: a question a place, by which a marker is looked for. */
import type { Marker } from './markers.ts';

export interface Place {
  readonly name: string;
  ask(marker: Marker): { readonly path: string; readonly body?: object };
}

const api = '/api/v1/ai';
const by = (path: (marker: Marker) => string) => (marker: Marker) => ({ path: `${api}${path(marker)}` });
const search = (path: string, body: (marker: Marker) => object) => (marker: Marker) => {
  return { path: `${api}/search${path}`, body: body(marker) };
};

/** Every store that queries reach. The special databases have no routes. */
export const places: readonly Place[] = [
  { name: 'conversations of the relational store', ask: by(({ userId }) => `/history/${userId}`) },
  { name: 'analyses of the relational store', ask: by(({ userId }) => `/analyses/${userId}`) },
  { name: 'the cache or the primary', ask: by(({ conversationId }) => `/conversation/${conversationId}`) },
  { name: 'graph around a user', ask: by(({ userId }) => `/graph/user/${userId}`) },
  { name: 'graph of a session', ask: by(({ sessionId }) => `/graph/session/${sessionId}`) },
  { name: "the user's own file", ask: by(({ userId }) => `/personal/${userId}/conversations`) },
  { name: 'vectors of conversations', ask: search('', ({ word }) => ({ query: word, limit: 50 })) },
  { name: 'vectors of analyses', ask: search('/analysis/semantic', ({ word }) => ({ query: word, limit: 50 })) },
  { name: 'full text of conversations', ask: search('/conversations', ({ word }) => ({ query: word })) },
  { name: 'full text of analyses', ask: search('/analysis', ({ word }) => ({ query: word })) },
  {
    name: 'documents of conversations',
    ask: search('/conversations/mongodb', ({ userId }) => ({ query: { user_id: userId } })),
  },
  {
    name: 'documents of analyses',
    ask: search('/analysis/mongodb', ({ userId }) => ({ query: { user_id: userId } })),
  },
];
