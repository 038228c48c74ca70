/** Damage to the vectors in Weaviate. */
import type { DriftKind } from '@mindora/contracts';
import { objectUuid } from '@mindora/stores/vectors/weaviate-documents';
import { classPrefix, contentClassName, versionProperty } from '@mindora/stores/vectors/weaviate-schema';
import { type Damage, damage, type Material } from './port.ts';
import { restAt } from './rest.ts';

interface WeaviateObject {
  readonly properties: Readonly<Record<string, unknown>>;
  readonly vector: readonly number[];
}

/** Objects are written whole. */
export function vectorDamages(url: URL, namespace: string, material: Material): Damage[] {
  const name = contentClassName(classPrefix(namespace), 'conversation');
  const rest = restAt(`${url.origin}/v1/objects`, decodeURIComponent(url.password));
  const place = (id: string): string => `/${name}/${objectUuid('conversation', id)}`;
  const read = async (id: string): Promise<WeaviateObject> => {
    return (await rest('GET', `${place(id)}?include=vector`)) as WeaviateObject;
  };
  const body = (id: string, { properties, vector }: WeaviateObject): object => {
    return { class: name, id: objectUuid('conversation', id), properties, vector };
  };
  const on = (kind: DriftKind, about: string, harm: (id: string) => Promise<unknown>): Damage => {
    const { id } = material.conversation();
    return damage('vectors', 'conversation', id, kind, about, () => harm(id));
  };
  const change = (kind: DriftKind, about: string, edit: (object: WeaviateObject) => WeaviateObject): Damage => {
    return on(kind, about, async (id) => rest('PUT', place(id), body(id, edit(await read(id)))));
  };
  const set = (kind: DriftKind, about: string, edit: (properties: Record<string, unknown>) => object): Damage => {
    return change(kind, about, ({ properties, vector }) => {
      return { vector, properties: { ...edit({ ...properties }) } };
    });
  };
  const version = (kind: DriftKind, about: string, by: number): Damage => {
    return set(kind, about, (all) => ({ ...all, [versionProperty]: Number(all[versionProperty]) + by }));
  };
  const copy = async (id: string, from: string): Promise<void> => {
    const { properties, vector } = await read(from);
    await rest('POST', '', body(id, { properties: { ...properties, conversationId: id }, vector }));
  };
  const { id: model } = material.conversation();
  const { id: gone } = material.deleted();
  const unknown = material.stranger();
  const inVersions = [
    on('missing', 'an object deleted', (id) => rest('DELETE', place(id))),
    version('different', 'a noted version raised', 5),
    version('stale', 'a noted version lowered', -1),
    set('different', 'a note deleted', ({ [versionProperty]: _, ...all }) => all),
    damage('vectors', 'conversation', unknown, 'extra', 'an unknown object', () => copy(unknown, model)),
    damage('vectors', 'conversation', gone, 'resurrected', 'a deleted record back', () => copy(gone, model)),
  ];
  return [
    ...inVersions.map(endingAtTakeover),
    set('different', 'a text changed', (all) => ({ ...all, userInput: 'x' })),
    set('different', 'a field removed', ({ modelName: _, ...all }) => all),
    change('different', 'a vector changed a little', ({ properties, vector }) => {
      return { properties, vector: vector.map((value, i) => (i === 0 ? value + 0.25 : value)) };
    }),
  ];
}

function endingAtTakeover({ about, harm }: Damage): Damage {
  return { about, harm: async () => ({ ...(await harm()), endsAtTakeover: true }) };
}
