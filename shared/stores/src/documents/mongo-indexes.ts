import { documentOf, type EntityName } from '@mindora/contracts';
import type { Collection, CreateIndexesOptions, IndexDescription } from 'mongodb';
import { isAnswer, isIndexConflict } from './mongo-errors.ts';
import type { StoredDocument } from './mongo-values.ts';

type Index = IndexDescription & { readonly name: string };

/** The fields that people search in, by entity (A2.6). */
const texts: Readonly<Partial<Record<EntityName, readonly string[]>>> = {
  conversation: ['user_input', 'ai_response'],
  analysis: ['input_content'],
};

/**
 * The indexes of an entity. All but the one that orders everything are partial: tombstones have no fields and take no
 * room in them. None is unique but that of the key: two records that exchange a value pass through a moment where both
 * have it, and what must be unique is so in the primary.
 */
function indexesOf(entity: EntityName): Index[] {
  const { fields, indexes = [] } = documentOf('documents', entity);
  const byFields = indexes
    .filter((names) => names.join() !== 'created_at')
    .map((names) => {
      const key = Object.fromEntries([...names.map((name) => [name, isNewestFirst(name) ? -1 : 1]), ['_id', -1]]);
      return { name: `by_${names.join('_')}`, key, ...partial(names[0] ?? '') };
    });
  const byTime = 'created_at' in fields ? [{ name: 'newest', key: { created_at: -1, _id: -1 } }] : [];
  return [
    ...byFields,
    ...byTime,
    { name: 'expired', key: { _expires_at: 1 }, expireAfterSeconds: 0, ...partial('_expires_at') },
    { name: 'deleted', key: { _deleted_at: 1 }, ...partial('_deleted_at') },
  ] as Index[];
}

function isNewestFirst(field: string): boolean {
  return field === 'created_at' || field === 'confidence_score';
}

function partial(field: string) {
  return { partialFilterExpression: { [field]: { $exists: true } } };
}

/** Makes what is missing; an index of the same name with another definition is made anew. */
export async function createIndexes(collection: Collection<StoredDocument>, entity: EntityName): Promise<void> {
  for (const index of indexesOf(entity)) {
    try {
      await create(collection, index);
    } catch (error) {
      if (!isIndexConflict(error)) throw error;
      await collection.dropIndex(index.name);
      await create(collection, index);
    }
  }
  await createTextIndex(collection, entity);
}

/** Only MongoDB itself has them; a server of its protocol that answers no does without. */
async function createTextIndex(collection: Collection<StoredDocument>, entity: EntityName): Promise<void> {
  const fields = texts[entity];
  if (fields === undefined) return;
  const key = Object.fromEntries(fields.map((field) => [field, 'text']));
  try {
    // No language: stems of one would be wrong for the others.
    await create(collection, { name: 'words', key, default_language: 'none' } as Index);
  } catch (error) {
    if (!isAnswer(error)) throw error;
  }
}

async function create(collection: Collection<StoredDocument>, { key, ...options }: Index): Promise<void> {
  await collection.createIndex(key, options as CreateIndexesOptions);
}
