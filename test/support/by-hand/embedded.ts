/** Hands in the files of embedded engines. */
import { type DriftKind, type Role, scheduledRoles } from '@mindora/contracts';
import type Database from 'better-sqlite3';
import { Files, type Harm, one } from './files.ts';
import { personalDamages } from './personal.ts';
import { type Damage, damage, type Hands, type Material } from './port.ts';
import { bookkeeping, relationalDamages, tableDamages } from './tables.ts';

function damageIn(files: Files, store: Role, id: string, kind: DriftKind, about: string, harm: Harm): Damage {
  return damage(store, 'conversation', id, kind, about, async () => files.store(store, harm));
}

/** Changes one bit of a vector where the engine keeps it. */
function flipBit(database: Database.Database, index: string, rowid: number): void {
  const place = database.prepare(`SELECT chunk_id, chunk_offset FROM ${index}_rowids WHERE rowid = ?`).get(rowid) as {
    chunk_id: number;
    chunk_offset: number;
  };
  const chunk = database.prepare(`SELECT vectors FROM ${index}_vector_chunks00 WHERE rowid = ?`).pluck();
  const vectors = Buffer.from(chunk.get(place.chunk_id) as Buffer);
  const { size } = database.prepare(`SELECT size FROM ${index}_chunks WHERE chunk_id = ?`).get(place.chunk_id) as {
    size: number;
  };
  const start = (vectors.length / size) * place.chunk_offset;
  vectors[start] = (vectors[start] ?? 0) ^ 1;
  one(database, `UPDATE ${index}_vector_chunks00 SET vectors = ? WHERE rowid = ?`, vectors, place.chunk_id);
}

function vectorDamages(files: Files, material: Material): Damage[] {
  const { id } = material.conversation();
  return [
    damageIn(files, 'vectors', id, 'different', 'a vector changed by one bit', (db) => {
      const row = db.prepare('SELECT _row FROM AIConversation WHERE conversationId = ?').pluck().get(id);
      flipBit(db, 'AIConversation_vectors', Number(row));
    }),
  ];
}

function documentDamages(files: Files, material: Material): Damage[] {
  const on = (kind: DriftKind, about: string, sql: string): Damage => {
    const { id } = material.conversation();
    return damageIn(files, 'documents', id, kind, about, (db) => one(db, sql, id));
  };
  const { id: model } = material.conversation();
  const { id: gone } = material.deleted();
  const unknown = material.stranger();
  const copy = (id: string): Harm => {
    const sql = `INSERT INTO ai_conversations (id, json, expires_at)
      SELECT @id, json_set(json, '$.conversation_id', @id), expires_at FROM ai_conversations WHERE id = @model`;
    return (db) => one(db, sql, { id, model });
  };
  const update = (set: string): string => `UPDATE ai_conversations SET ${set} WHERE id = ?`;
  const note = (set: string): string => `UPDATE _applied SET ${set} WHERE entity = 'conversation' AND id = ?`;
  return [
    on('missing', 'a document deleted', 'DELETE FROM ai_conversations WHERE id = ?'),
    on('different', 'a text changed', update("json = json_set(json, '$.user_input', 'x')")),
    on('different', 'a field emptied', update("json = json_set(json, '$.model_name', NULL)")),
    on('different', 'a field removed', update("json = json_remove(json, '$.context')")),
    on('different', 'a field added', update("json = json_set(json, '$.added', 1)")),
    on('missing', 'a document made to expire', update('expires_at = 1')),
    on('different', 'a document made to stay', update('expires_at = NULL')),
    on('missing', 'a note made to expire', note('expires_at = 1')),
    on('different', 'a note made to stay', note('expires_at = NULL')),
    ...bookkeeping('documents', 'conversation', files.shell('documents'), material),
    damageIn(files, 'documents', unknown, 'extra', 'an unknown document', copy(unknown)),
    damageIn(files, 'documents', gone, 'resurrected', 'a deleted document back', copy(gone)),
  ];
}

function fulltextDamages(files: Files, material: Material): Damage[] {
  const number = '(SELECT _row FROM ai_conversations WHERE conversation_id = ?)';
  const on = (about: string, sql: string): Damage => {
    const { id } = material.conversation();
    // The engine protects the tables behind an index from all but those who insist.
    return damageIn(files, 'fulltext', id, 'different', about, (db) => one(db.unsafeMode(), `${sql} ${number}`, id));
  };
  return [
    on('an entry of the index deleted', 'DELETE FROM ai_conversations_text WHERE rowid ='),
    on('an entry of the index changed', "UPDATE ai_conversations_text SET user_input = 'x' WHERE rowid ="),
    on('tokens changed behind the index', "UPDATE ai_conversations_text_content SET c0 = 'x' WHERE id ="),
  ];
}

function graphDamages(files: Files, material: Material): Damage[] {
  const on = (about: string, harm: (db: Database.Database, id: string) => void): Damage => {
    const { id } = material.conversation();
    return damageIn(files, 'graph', id, 'different', about, (db) => harm(db, id));
  };
  const edge = `INSERT INTO edges (type, from_node, to_node, user_id, owner_entity, owner_id)
    VALUES ('HAS_CONVERSATION', 'AIUser:nobody', ?, 'nobody', 'conversation', ?)`;
  const { id } = material.conversation();
  const nobody = material.stranger();
  return [
    on('an edge deleted', (db, of) =>
      one(db, 'DELETE FROM edges WHERE rowid = (SELECT min(rowid) FROM edges WHERE owner_id = ?)', of),
    ),
    on('an edge added', (db, of) => one(db, edge, `AIConversation:${of}`, of)),
    on('an edge given to another user', (db, of) =>
      one(
        db,
        `UPDATE edges SET user_id = 'nobody' WHERE rowid = (SELECT min(rowid) FROM edges WHERE owner_id = ?)`,
        of,
      ),
    ),
    damageIn(files, 'graph', nobody, 'extra', 'an edge without a record', (db) =>
      one(db, edge, `AIConversation:${nobody}`, nobody),
    ),
    damageIn(files, 'graph', `${id}->nowhere`, 'extra', 'a relation with a dead end', (db) => {
      const sql = `INSERT INTO related_to (from_id, to_id, model, score)
        VALUES (?, 'nowhere', coalesce((SELECT max(model) FROM related_to), 'other'), 0.5)`;
      one(db, sql, id);
    }),
  ];
}

/** Every damage to every store that has a file. */
function allDamages(files: Files, material: Material): Damage[] {
  const tables = (role: Parameters<typeof tableDamages>[0]): Damage[] => {
    return tableDamages(role, files.shell(role), material);
  };
  const flipEmbedding = async (id: string): Promise<void> =>
    files.store('relational', (db) => {
      const row = db.prepare('SELECT _row FROM ai_conversation_vectors WHERE id = ?').pluck().get(id);
      flipBit(db, 'ai_conversation_vectors_index', Number(row));
    });
  return [
    ...tables('relational'),
    ...relationalDamages(files.shell('relational'), material, flipEmbedding),
    ...documentDamages(files, material),
    ...tables('fulltext'),
    ...fulltextDamages(files, material),
    ...tables('graph'),
    ...graphDamages(files, material),
    ...tables('vectors'),
    ...vectorDamages(files, material),
    ...personalDamages(files, material),
    ...scheduledRoles.flatMap(tables),
  ];
}

/** SQLite takes anything by hand where no constraint of a table says otherwise. */
const unholdable: Hands['unholdable'] = {
  statements: [
    `INSERT INTO ai_conversations (id, user_id, session_id, user_input, ai_response, model_name, created_at)
     VALUES ('bad-time', 'user-bad', 's', 'q', 'a', 'm', 'yesterday')`,
    `INSERT INTO ai_conversations (id, user_id, session_id, user_input, ai_response, model_name, context)
     VALUES ('bad-json', 'user-bad', 's', 'q', 'a', 'm', '{not json')`,
    `INSERT INTO ai_conversations (id, user_id, session_id, user_input, ai_response, model_name)
     VALUES (CAST(x'6964eda080' AS TEXT), 'user-bad', 's', 'an id that is no text', 'a', 'm')`,
    `INSERT INTO ai_analysis_results (id, user_id, analysis_type, input_content, analysis_result, confidence_score)
     VALUES ('bad-score', 'user-bad', 't', 'x', '[1]', 9e999)`,
  ],
  parked: ['bad-score', 'bad-time', 'id\ufffd\ufffd\ufffd'],
  cure: [
    `UPDATE ai_conversations SET created_at = '2026-01-01T00:00:00.000000Z' WHERE id = 'bad-time'`,
    `DELETE FROM ai_conversations WHERE user_input = 'an id that is no text'`,
    `UPDATE ai_analysis_results SET confidence_score = 0.5 WHERE id = 'bad-score'`,
  ],
};

/** Hands in a data directory whose engines are embedded. */
export function embeddedHands(data: string): Hands {
  const files = new Files(data);
  return {
    files,
    primary: files.primaryShell,
    write: async (...statements) => files.primary((db) => void db.exec(`BEGIN; ${statements.join(';\n')}; COMMIT`)),
    unholdable,
    damages: (material) => allDamages(files, material),
    embeddingLengths: () => files.shell('relational').values('SELECT DISTINCT dimensions FROM ai_conversation_vectors'),
    async documents() {
      const sql = 'SELECT count(*) FROM ai_conversations WHERE id > ?';
      return Number((await files.shell('documents').values(sql, ''))[0]);
    },
    close: async () => undefined,
  };
}
