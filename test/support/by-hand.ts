/** Damage that a person (or a bug) does to a version's files with the engine's own shell, behind sync's back. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { DriftKind, EntityName, Role } from '@mindora/contracts';
import Database from 'better-sqlite3';

/** What must be said of a record that was damaged. */
export interface Expected {
  readonly store: Role;
  readonly entity: EntityName;
  readonly id: string;
  readonly kind: DriftKind;
}

/** One damage, and what verify has to find. */
export interface Damage extends Expected {
  readonly about: string;
  harm(files: Files): void;
}

/** A version's files, each opened only as long as it is worked on. */
export class Files {
  readonly directory: string;

  constructor(data: string) {
    this.directory = join(data, 'future');
  }

  primary<T>(work: (database: Database.Database) => T): T {
    return withDatabase(join(this.directory, 'primary.sqlite'), work);
  }

  store<T>(role: Role, work: (database: Database.Database) => T): T {
    return withDatabase(this.path(role), work);
  }

  /** The private file of a user. */
  personal<T>(user: string, work: (database: Database.Database) => T): T {
    return withDatabase(this.personalPath(user), work);
  }

  /** The file of a store; of the personal store its register. */
  path(role: Role): string {
    return join(this.directory, role === 'personal' ? 'personal/index.sqlite' : `stores/${role}.sqlite`);
  }

  personalPath(user: string): string {
    return join(this.directory, 'personal', `${createHash('sha256').update(user).digest('hex').slice(0, 32)}.sqlite`);
  }
}

function withDatabase<T>(file: string, work: (database: Database.Database) => T): T {
  const database = new Database(file, { fileMustExist: true, timeout: 10_000 });
  try {
    return work(database);
  } finally {
    database.close();
  }
}

/** Runs a statement that must change exactly one row. */
export function one(
  database: Database.Database,
  sql: string,
  ...values: (string | number | Buffer | Record<string, string>)[]
): void {
  const { changes } = database.prepare(sql).run(...values);
  if (changes !== 1) throw new Error(`${changes} rows changed by: ${sql}`);
}

const keys: Readonly<Partial<Record<Role, string>>> = {
  relational: 'id',
  fulltext: 'conversation_id',
  graph: 'conversationId',
  vectors: 'conversationId',
};
const tables: Readonly<Partial<Record<Role, string>>> = {
  relational: 'ai_conversations',
  fulltext: 'ai_conversations',
  graph: 'AIConversation',
  vectors: 'AIConversation',
};
const texts: Readonly<Partial<Record<Role, string>>> = {
  relational: 'user_input',
  fulltext: 'user_input',
  graph: 'userInput',
  vectors: 'userInput',
};
const names: Readonly<Partial<Record<Role, string>>> = {
  relational: 'model_name',
  fulltext: 'model_name',
  graph: 'modelName',
  vectors: 'modelName',
};

/** What records the damages are done to: a fresh one each. */
export interface Material {
  /** A conversation that lives, each call another one, and its user. */
  conversation(): { id: string; user: string };
  /** An analysis that lives. */
  analysis(): string;
  /** A conversation that was deleted, and its user. */
  deleted(): { id: string; user: string };
  financialRecord(): { id: string; user: string };
  /** An id that the primary has never known. */
  stranger(): string;
}

type Harm = (database: Database.Database) => void;

function damage(store: Role, entity: EntityName, id: string, kind: DriftKind, about: string, harm: Harm): Damage {
  return { store, entity, id, kind, about, harm: (files) => files.store(store, harm) };
}

/** Damages that every store of typed tables can suffer. */
export function tableDamages(role: Role, material: Material): Damage[] {
  const [table, key, text, name] = [tables[role], keys[role], texts[role], names[role]];
  const on = (kind: DriftKind, about: string, harm: (database: Database.Database, id: string) => void): Damage => {
    const { id } = material.conversation();
    return damage(role, 'conversation', id, kind, about, (database) => harm(database, id));
  };
  return [
    // Of a node its edges stay, so the record is still there in part.
    on(role === 'graph' ? 'different' : 'missing', 'a row deleted', (db, id) =>
      one(db, `DELETE FROM ${table} WHERE ${key} = ?`, id),
    ),
    on('different', 'a text with one character more', (db, id) =>
      one(db, `UPDATE ${table} SET ${text} = ${text} || '.' WHERE ${key} = ?`, id),
    ),
    on('different', 'a field emptied', (db, id) => one(db, `UPDATE ${table} SET ${name} = NULL WHERE ${key} = ?`, id)),
    ...bookkeeping(role, material),
    ...strangers(role, material),
  ];
}

/** Damages to what sync itself notes in a store. */
export function bookkeeping(role: Role, material: Material): Damage[] {
  const on = (kind: DriftKind, about: string, sql: string): Damage => {
    const { id } = material.conversation();
    return damage(role, 'conversation', id, kind, about, (database) =>
      one(database, `${sql} WHERE entity = 'conversation' AND id = ?`, id),
    );
  };
  return [
    on('different', 'a noted version raised', 'UPDATE _applied SET version = version + 5'),
    on('stale', 'a noted version lowered', 'UPDATE _applied SET version = version - 1'),
    on('different', 'a note deleted', 'DELETE FROM _applied'),
    on('different', 'a record noted as deleted', 'UPDATE _applied SET deleted = 1'),
  ];
}

/** Rows that are not, or no longer, in the primary. */
function strangers(role: Role, material: Material): Damage[] {
  const [table, key] = [tables[role], keys[role]];
  const copy = (db: Database.Database, id: string, model: string): void => {
    const columns = (db.pragma(`table_info(${table})`) as { name: string }[])
      .map(({ name }) => name)
      .filter((name) => name !== '_row' && name !== key)
      .map((name) => `"${name}"`)
      .join(', ');
    one(db, `INSERT INTO ${table} (${key}, ${columns}) SELECT ?, ${columns} FROM ${table} WHERE ${key} = ?`, id, model);
  };
  const { id: model } = material.conversation();
  const { id: gone } = material.deleted();
  const unknown = material.stranger();
  return [
    damage(role, 'conversation', unknown, 'extra', 'an unknown row', (db) => copy(db, unknown, model)),
    damage(role, 'conversation', gone, 'resurrected', 'a deleted record back', (db) => copy(db, gone, model)),
  ];
}

/** What only one kind of store can suffer. */
export function relationalDamages(material: Material): Damage[] {
  const analysis = material.analysis();
  return [
    damage('relational', 'analysis', analysis, 'different', 'a float changed in its last bit', (db) => {
      const value = db.prepare('SELECT confidence_score FROM ai_analysis_results WHERE id = ?').pluck().get(analysis);
      one(db, 'UPDATE ai_analysis_results SET confidence_score = ? WHERE id = ?', nextFloat(value as number), analysis);
    }),
    ...embeddingDamages(material),
  ];
}

function nextFloat(value: number): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  view.setBigUint64(0, view.getBigUint64(0) + 1n);
  return view.getFloat64(0);
}

/** The embedding's id is only known by reading it, so its damages name it when they are done. */
function embeddingDamages(material: Material): Damage[] {
  const on = (kind: DriftKind, about: string, harm: (db: Database.Database, id: string) => void): Damage => {
    const { id: conversation } = material.conversation();
    const made = { store: 'relational', entity: 'embedding', id: '', kind, about } as const;
    return Object.assign(
      { ...made },
      {
        harm(this: { id: string }, files: Files): void {
          files.store('relational', (db) => {
            const sql = 'SELECT embedding_id FROM ai_conversations WHERE id = ?';
            this.id = String(db.prepare(sql).pluck().get(conversation));
            harm(db, this.id);
          });
        },
      },
    );
  };
  return [
    on('missing', 'an embedding deleted', (db, id) => one(db, 'DELETE FROM ai_conversation_vectors WHERE id = ?', id)),
    on('different', 'a vector changed by one bit', (db, id) => {
      const row = db.prepare('SELECT _row FROM ai_conversation_vectors WHERE id = ?').pluck().get(id);
      flipBit(db, 'ai_conversation_vectors_index', Number(row));
    }),
  ];
}

/** Changes one bit of a vector where the engine keeps it. */
export function flipBit(database: Database.Database, index: string, rowid: number): void {
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

export function vectorDamages(material: Material): Damage[] {
  const { id } = material.conversation();
  return [
    damage('vectors', 'conversation', id, 'different', 'a vector changed by one bit', (db) => {
      const row = db.prepare('SELECT _row FROM AIConversation WHERE conversationId = ?').pluck().get(id);
      flipBit(db, 'AIConversation_vectors', Number(row));
    }),
  ];
}

export function documentDamages(material: Material): Damage[] {
  const on = (kind: DriftKind, about: string, sql: string): Damage => {
    const { id } = material.conversation();
    return damage('documents', 'conversation', id, kind, about, (db) => one(db, sql, id));
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
    ...bookkeeping('documents', material),
    damage('documents', 'conversation', unknown, 'extra', 'an unknown document', copy(unknown)),
    damage('documents', 'conversation', gone, 'resurrected', 'a deleted document back', copy(gone)),
  ];
}

export function fulltextDamages(material: Material): Damage[] {
  const number = '(SELECT _row FROM ai_conversations WHERE conversation_id = ?)';
  const on = (about: string, sql: string): Damage => {
    const { id } = material.conversation();
    // The engine protects the tables behind an index from all but those who insist.
    return damage('fulltext', 'conversation', id, 'different', about, (db) =>
      one(db.unsafeMode(), `${sql} ${number}`, id),
    );
  };
  return [
    on('an entry of the index deleted', 'DELETE FROM ai_conversations_text WHERE rowid ='),
    on('an entry of the index changed', "UPDATE ai_conversations_text SET user_input = 'x' WHERE rowid ="),
    on('tokens changed behind the index', "UPDATE ai_conversations_text_content SET c0 = 'x' WHERE id ="),
  ];
}

export function graphDamages(material: Material): Damage[] {
  const on = (about: string, harm: (db: Database.Database, id: string) => void): Damage => {
    const { id } = material.conversation();
    return damage('graph', 'conversation', id, 'different', about, (db) => harm(db, id));
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
    damage('graph', 'conversation', nobody, 'extra', 'an edge without a record', (db) =>
      one(db, edge, `AIConversation:${nobody}`, nobody),
    ),
    damage('graph', 'conversation', `${id}->nowhere`, 'extra', 'a relation with a dead end', (db) => {
      const sql = `INSERT INTO related_to (from_id, to_id, model, score)
        VALUES (?, 'nowhere', coalesce((SELECT max(model) FROM related_to), 'other'), 0.5)`;
      one(db, sql, id);
    }),
  ];
}

export function personalDamages(material: Material): Damage[] {
  const inFile = (user: string, id: string, kind: DriftKind, about: string, harm: Harm): Damage => {
    return { store: 'personal', entity: 'conversation', id, kind, about, harm: (files) => files.personal(user, harm) };
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
    {
      ...inFile(money.user, money.id, 'different', 'an amount changed by a cent', (db) =>
        one(db, "UPDATE financial_records SET amount = '10.01' WHERE id = ?", money.id),
      ),
      entity: 'financial_record',
    },
    ...bookkeeping('personal', material),
  ];
}

/** Every damage to every store that has a file. */
export function allDamages(material: Material): Damage[] {
  return [
    ...tableDamages('relational', material),
    ...relationalDamages(material),
    ...documentDamages(material),
    ...tableDamages('fulltext', material),
    ...fulltextDamages(material),
    ...tableDamages('graph', material),
    ...graphDamages(material),
    ...tableDamages('vectors', material),
    ...vectorDamages(material),
    ...personalDamages(material),
  ];
}
