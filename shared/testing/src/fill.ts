import { documentOf, type EntityName, type Row } from '@mindora/contracts';
import type { Target } from '@mindora/stores';

/** Puts documents into a store as sync would; fields that are left out are null. */
export async function fill(store: Target, entity: EntityName, documents: readonly Row[]): Promise<void> {
  const definition = documentOf(store.role, entity);
  const items = documents.map((given) => {
    const fields = Object.keys(definition.fields).map((field) => [field, given[field] ?? null]);
    const document: Row = Object.fromEntries(fields);
    const owner = document.user_id ?? document.userId ?? null;
    const id = String(document[definition.key]);
    return { entity, id, version: 1, owner: owner === null ? null : String(owner), document, expiresAt: null };
  });
  const results = await store.apply({ items, positions: [] });
  const refused = results.filter(({ outcome }) => outcome !== 'applied');
  if (refused.length > 0) throw new Error(`the store took not all documents: ${JSON.stringify(refused)}`);
  await store.refresh();
}
