import type { DriftKind } from '@mindora/contracts';
import { type Files, type Harm, one } from './files.ts';
import { type Damage, damage, type Material } from './port.ts';
import { bookkeeping } from './tables.ts';

/** Damages to the private files of users, and to the register beside them. */
export function personalDamages(files: Files, material: Material): Damage[] {
  const inFile = (user: string, id: string, kind: DriftKind, about: string, harm: Harm): Damage => {
    return damage('personal', 'conversation', id, kind, about, async () => files.personal(user, harm));
  };
  const on = (kind: DriftKind, about: string, sql: string): Damage => {
    const { id, user } = material.conversation();
    return inFile(user, id, kind, about, (db) => one(db, sql, id));
  };
  const add = `INSERT INTO conversations (id, user_id, session_id, user_input, ai_response, model_name, created_at, updated_at)
    VALUES (?, ?, 's', 'q', 'a', 'm', '2026-01-01T00:00:00.000000Z', '2026-01-01T00:00:00.000000Z')`;
  const host = material.conversation();
  const strayed = material.conversation();
  const gone = material.deleted();
  const money = material.financialRecord();
  const unknown = material.stranger();
  return [
    on('missing', 'a row deleted', 'DELETE FROM conversations WHERE id = ?'),
    on('different', 'a text changed', "UPDATE conversations SET ai_response = ai_response || '.' WHERE id = ?"),
    on('different', 'a field emptied', 'UPDATE conversations SET model_name = NULL WHERE id = ?'),
    inFile(host.user, unknown, 'extra', 'an unknown row', (db) => one(db, add, unknown, host.user)),
    inFile(gone.user, gone.id, 'resurrected', 'a deleted record back', (db) => one(db, add, gone.id, gone.user)),
    inFile('user_001', strayed.id, 'different', "a copy in another user's file", (db) =>
      one(db, add, strayed.id, 'user_001'),
    ),
    damage('personal', 'financial_record', money.id, 'different', 'an amount changed by a cent', async () =>
      files.personal(money.user, (db) => {
        one(db, "UPDATE financial_records SET amount = '10.01' WHERE id = ?", money.id);
      }),
    ),
    ...bookkeeping('personal', 'conversation', files.shell('personal'), material),
  ];
}
