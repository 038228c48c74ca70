/** Damage to stores of typed tables, whichever database they lie in. */
import type { DriftKind, EntityName, Role } from '@mindora/contracts';
import { type Damage, damage, type Material, type SqlShell } from './port.ts';

/** Where a store of typed tables keeps the entity that is damaged in it. */
interface Place {
  readonly entity: EntityName;
  readonly table: string;
  readonly key: string;
  readonly text: string;
  /** A field that may be empty. */
  readonly name: string;
}

const conversationNode = {
  entity: 'conversation',
  table: 'AIConversation',
  key: 'conversationId',
  text: 'userInput',
  name: 'modelName',
} as const;
const conversationRow = {
  entity: 'conversation',
  table: 'ai_conversations',
  key: 'id',
  text: 'user_input',
  name: 'model_name',
} as const;

const places = {
  relational: conversationRow,
  fulltext: { ...conversationRow, key: 'conversation_id' },
  graph: conversationNode,
  vectors: conversationNode,
  identity: { entity: 'recommendation', table: 'recommendations', key: 'id', text: 'subject_id', name: 'reason' },
  governance: { entity: 'dao_vote', table: 'dao_votes', key: 'id', text: 'proposal_id', name: 'reason' },
  credit: { entity: 'company', table: 'companies', key: 'id', text: 'company_name', name: 'industry' },
} as const satisfies Partial<Record<Role, Place>>;

export type TableRole = keyof typeof places;

/** Damages that every store of typed tables can suffer. */
export function tableDamages(role: TableRole, shell: SqlShell, material: Material): Damage[] {
  const { entity, table, key, text, name } = places[role];
  const on = (kind: DriftKind, about: string, sql: string): Damage => {
    const id = material.living(entity);
    return damage(role, entity, id, kind, about, () => shell.one(`${sql} WHERE ${key} = ?`, id));
  };
  return [
    // Of a node its edges stay, so the record is still there in part.
    on(role === 'graph' ? 'different' : 'missing', 'a row deleted', `DELETE FROM ${table}`),
    on('different', 'a text with one character more', `UPDATE ${table} SET ${text} = concat(${text}, '.')`),
    on('different', 'a field emptied', `UPDATE ${table} SET ${name} = NULL`),
    ...bookkeeping(role, entity, shell, material),
    ...strangers(role, shell, material),
  ];
}

/** Damages to what sync itself notes in a store. */
export function bookkeeping(role: Role, entity: EntityName, shell: SqlShell, material: Material): Damage[] {
  const on = (kind: DriftKind, about: string, sql: string): Damage => {
    const id = material.living(entity);
    const statement = `${sql} WHERE entity = ? AND id = ?`;
    return damage(role, entity, id, kind, about, () => shell.one(statement, entity, id));
  };
  return [
    on('different', 'a noted version raised', 'UPDATE _applied SET version = version + 5'),
    on('stale', 'a noted version lowered', 'UPDATE _applied SET version = version - 1'),
    on('different', 'a note deleted', 'DELETE FROM _applied'),
    on('different', 'a record noted as deleted', 'UPDATE _applied SET deleted = true'),
  ];
}

/** Rows that are not, or no longer, in the primary. */
function strangers(role: TableRole, shell: SqlShell, material: Material): Damage[] {
  const { entity, table, key } = places[role];
  const copy = async (id: string, model: string): Promise<void> => {
    const names = (await shell.columns(table)).filter((name) => name !== '_row' && name !== key).join(', ');
    await shell.one(
      `INSERT INTO ${table} (${key}, ${names}) SELECT ?, ${names} FROM ${table} WHERE ${key} = ?`,
      id,
      model,
    );
  };
  const model = material.living(entity);
  const gone = material.buried(entity);
  const unknown = material.stranger();
  return [
    damage(role, entity, unknown, 'extra', 'an unknown row', () => copy(unknown, model)),
    damage(role, entity, gone, 'resurrected', 'a deleted record back', () => copy(gone, model)),
  ];
}

/** What the relational store can suffer beside. */
export function relationalDamages(shell: SqlShell, material: Material, changeVector: ChangeVector): Damage[] {
  const analysis = material.analysis();
  return [
    damage('relational', 'analysis', analysis, 'different', 'a float changed in its last bit', async () => {
      const sql = 'SELECT confidence_score FROM ai_analysis_results WHERE id = ?';
      const value = nextFloat(Number((await shell.values(sql, analysis))[0]));
      await shell.one('UPDATE ai_analysis_results SET confidence_score = ? WHERE id = ?', value, analysis);
    }),
    ...embeddingDamages(shell, material, changeVector),
  ];
}

/** Changes one vector in the least way that the engine can keep. */
export type ChangeVector = (id: string) => Promise<void>;

function nextFloat(value: number): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  view.setBigUint64(0, view.getBigUint64(0) + 1n);
  return view.getFloat64(0);
}

/** The embedding's id is only known by reading it. */
function embeddingDamages(shell: SqlShell, material: Material, changeVector: ChangeVector): Damage[] {
  const on = (kind: DriftKind, about: string, harm: (id: string) => Promise<void>): Damage => {
    const { id: conversation } = material.conversation();
    return {
      about: `relational: ${about}`,
      async harm() {
        const [id] = await shell.values('SELECT embedding_id FROM ai_conversations WHERE id = ?', conversation);
        await harm(String(id));
        return { store: 'relational', entity: 'embedding', id: String(id), kind };
      },
    };
  };
  return [
    on('missing', 'an embedding deleted', (id) => shell.one('DELETE FROM ai_conversation_vectors WHERE id = ?', id)),
    on('different', 'a vector changed a little', changeVector),
  ];
}
