/** Pure projections of records into what each store holds (rule 12): one file a role, fields of contracts/documents. */
import type { EntityName, RetentionPolicy, Role, Row } from '@mindora/contracts';
import { documentOf, entitiesOf, entity, expiresAt } from '@mindora/contracts';
import { MindoraError } from '@mindora/runtime';
import type { ApplyItem } from '@mindora/stores';
import { cacheProjections } from './cache.ts';
import { type ProjectedRecord, type ProjectionContext, pick, type RoleProjections } from './context.ts';
import { documentProjections } from './documents.ts';
import { fulltextProjections } from './fulltext.ts';
import { graphProjections } from './graph.ts';
import { personalProjections } from './personal.ts';
import { relationalProjections } from './relational.ts';
import { vectorProjections } from './vectors.ts';

export { embeddingId } from '@mindora/stores/embedder/id';
export type { ProjectedRecord, ProjectionContext } from './context.ts';
export { embeddedText } from './context.ts';

/** The special databases hold rows as they are. */
function rowsAsTheyAre(role: Role): RoleProjections {
  const made = entitiesOf(role).map((name) => {
    const fields = Object.keys(documentOf(role, name).fields);
    return [name, (row: Row) => pick(row, fields)];
  });
  return Object.fromEntries(made);
}

const projections: Readonly<Record<Role, RoleProjections>> = {
  relational: relationalProjections,
  cache: cacheProjections,
  documents: documentProjections,
  fulltext: fulltextProjections,
  graph: graphProjections,
  vectors: vectorProjections,
  personal: personalProjections,
  identity: rowsAsTheyAre('identity'),
  governance: rowsAsTheyAre('governance'),
  credit: rowsAsTheyAre('credit'),
};

/**
 * Raised when the code of a role's projection gives other documents than before: stores that were filled with the
 * older one are then sent all their records again.
 */
const projectionRevisions: Readonly<Record<Role, number>> = {
  relational: 1,
  cache: 1,
  documents: 1,
  fulltext: 1,
  graph: 1,
  vectors: 1,
  personal: 1,
  identity: 1,
  governance: 1,
  credit: 1,
};

/** Stores whose documents depend on the embedder: by the id of the embedding, or by the vector itself. */
const dependsOnEmbedder: ReadonlySet<Role> = new Set<Role>(['relational', 'vectors']);

/** The document that a store holds of a record. @throws MindoraError `internal` where the store holds no such entity */
export function project(role: Role, name: EntityName, row: Row, context: ProjectionContext): Row {
  const projection = projections[role][name];
  if (projection === undefined) throw new MindoraError('internal', `${role} holds no ${name}`);
  return projection(row, context);
}

/** Whether a document can't be made before the record's text was embedded. */
export function needsEmbedding(role: Role, name: EntityName): boolean {
  return role === 'vectors' && (name === 'conversation' || name === 'analysis');
}

/**
 * What to apply for a record: its document, or a tombstone where it has no row.
 *
 * @throws what the projection throws
 */
export function toApplyItem(
  role: Role,
  record: ProjectedRecord,
  context: ProjectionContext,
  retention: RetentionPolicy,
): ApplyItem {
  const { entity: name, id, version, row } = record;
  if (row === null || isForeignEmbedding(name, row, context))
    return { entity: name, id, version, owner: null, document: null, expiresAt: null };
  return {
    entity: name,
    id,
    version,
    owner: ownerOf(name, row),
    document: project(role, name, row, context),
    expiresAt: expiresAt(role, name, row, retention),
  };
}

/**
 * An embedding of another model or dimension than the present one: a store made for the present one can't hold it. Such
 * rows are on their way out, because the records get new embeddings, so stores take them for deleted.
 */
function isForeignEmbedding(name: EntityName, row: Row, { model, dimensions }: ProjectionContext): boolean {
  return name === 'embedding' && (row.model !== model || row.dimensions !== dimensions);
}

function ownerOf(name: EntityName, row: Row): string | null {
  const column = entity(name).owner;
  const owner = column === undefined ? null : row[column];
  return typeof owner === 'string' ? owner : null;
}

/**
 * With which projection, and where it matters for how long and with which embedder, a store is filled; kept in the
 * store as its label. Behind the space is what makes another store of it, before it what only sends records again.
 */
export function projectionLabel(
  role: Role,
  embedder: { readonly model: string; readonly dimensions: number },
  retention: Pick<RetentionPolicy, 'documentsMs'>,
): string {
  const code = `${role}/${projectionRevisions[role]}${role === 'documents' ? `/${retention.documentsMs}` : ''}`;
  return dependsOnEmbedder.has(role) ? `${code} ${embedder.model}/${embedder.dimensions}` : code;
}
