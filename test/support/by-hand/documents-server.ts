/** Damage to the document store on MongoDB's protocol. */
import type { DriftKind } from '@mindora/contracts';
import type { Collection } from 'mongodb';
import { type Damage, damage, type Material } from './port.ts';

export type Documents = Collection<{ _id: string } & Record<string, unknown>>;

/** Content, sync's own fields in it, and whole documents. */
export function documentDamages(documents: Documents, material: Material): Damage[] {
  const on = (kind: DriftKind, about: string, harm: (id: string) => Promise<void>): Damage => {
    const { id } = material.conversation();
    return damage('documents', 'conversation', id, kind, about, () => harm(id));
  };
  const update = (kind: DriftKind, about: string, change: Record<string, object>): Damage => {
    return on(kind, about, async (_id) => {
      const { modifiedCount } = await documents.updateOne({ _id }, change);
      if (modifiedCount !== 1) throw new Error(`${about}: nothing was changed`);
    });
  };
  const copy = async (id: string, from: string): Promise<void> => {
    const { _id, ...content } = (await documents.findOne({ _id: from })) ?? {};
    await documents.replaceOne({ _id: id }, { ...content, conversation_id: id }, { upsert: true });
  };
  const { id: model } = material.conversation();
  const { id: gone } = material.deleted();
  const unknown = material.stranger();
  return [
    on('missing', 'a document deleted', async (_id) => void (await documents.deleteOne({ _id }))),
    update('different', 'a text changed', { $set: { user_input: 'x' } }),
    update('different', 'a field emptied', { $set: { model_name: null } }),
    update('different', 'a field removed', { $unset: { context: '' } }),
    update('different', 'a field added', { $set: { added: 1 } }),
    update('different', 'a value that is not JSON', { $set: { user_input: new Date() } }),
    update('missing', 'a document made to expire', { $set: { _expires_at: new Date(1) } }),
    update('different', 'a document made to stay', { $unset: { _expires_at: '' } }),
    update('different', 'a noted version raised', { $inc: { _version: 5 } }),
    update('stale', 'a noted version lowered', { $inc: { _version: -1 } }),
    update('different', 'a note deleted', { $unset: { _version: '' } }),
    update('missing', 'a record noted as deleted', { $set: { _deleted_at: new Date() } }),
    damage('documents', 'conversation', unknown, 'extra', 'an unknown document', () => copy(unknown, model)),
    damage('documents', 'conversation', gone, 'resurrected', 'a deleted document back', () => copy(gone, model)),
  ];
}
