/** Damage to the full text in Elasticsearch. */
import type { DriftKind } from '@mindora/contracts';
import { entryName } from '@mindora/stores/fulltext/elastic/entry';
import { type Damage, damage, type Material } from './port.ts';
import { type Rest, restAt } from './rest.ts';

type Source = Record<string, unknown> & { sync?: Record<string, unknown> };

/** Entries are written whole; what the index alone holds (the tokens) goes with that, where it isn't written again. */
export function fulltextDamages(url: string, namespace: string, material: Material): Damage[] {
  const rest: Rest = restAt(`${url.replace(/\/$/, '')}/${namespace}ai_conversations`);
  const place = (id: string): string => `/_doc/${encodeURIComponent(entryName(id))}`;
  const sourceOf = async (id: string): Promise<Source> => {
    return ((await rest('GET', place(id))) as { _source: Source })._source;
  };
  const put = (id: string, source: Source): Promise<unknown> => rest('PUT', `${place(id)}?refresh=true`, source);
  const on = (kind: DriftKind, about: string, harm: (id: string) => Promise<unknown>): Damage => {
    const { id } = material.conversation();
    return damage('fulltext', 'conversation', id, kind, about, () => harm(id));
  };
  const change = (kind: DriftKind, about: string, edit: (source: Source) => Source): Damage => {
    return on(kind, about, async (id) => put(id, edit(await sourceOf(id))));
  };
  const note = (kind: DriftKind, about: string, facts: (version: number) => object): Damage => {
    return change(kind, about, (source) => ({
      ...source,
      sync: { ...source.sync, ...facts(Number(source.sync?.version)) },
    }));
  };
  const copy = async (id: string, from: string): Promise<unknown> => {
    return put(id, { ...(await sourceOf(from)), conversation_id: id });
  };
  const { id: model } = material.conversation();
  const { id: gone } = material.deleted();
  const unknown = material.stranger();
  return [
    on('missing', 'an entry deleted', (id) => rest('DELETE', `${place(id)}?refresh=true`)),
    change('different', 'a text changed', (source) => ({ ...source, user_input: 'x' })),
    change('different', 'a field removed', ({ model_name: _, ...source }) => source),
    change('different', 'what it is found by lost', (source) => source),
    note('different', 'a noted version raised', (version) => ({ version: version + 5 })),
    note('stale', 'a noted version lowered', (version) => ({ version: version - 1 })),
    change('different', 'a note deleted', ({ sync: _, ...source }) => source),
    damage('fulltext', 'conversation', unknown, 'extra', 'an unknown entry', () => copy(unknown, model)),
    damage('fulltext', 'conversation', gone, 'resurrected', 'a deleted record back', () => copy(gone, model)),
  ];
}
