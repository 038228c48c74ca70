/** What a store should hold of records, by the very projections that the workers use. */
import type { EntityName, Role } from '@mindora/contracts';
import type { ApplyItem, EmbeddingRow, LedgerRecord } from '@mindora/stores';
import {
  embeddedText,
  embeddingId,
  needsEmbedding,
  type ProjectionContext,
  toApplyItem,
} from '../projections/index.ts';
import type { VerifyParts } from './ports.ts';

/**
 * The item that a store should have applied for each line; null where the line has no live record.
 *
 * Where a record's embedding isn't in the primary, its vector is expected to be empty, which no store's vector is:
 * the record then differs in its vector, and sending it again makes the embedding anew.
 */
export async function expectedItems(
  parts: VerifyParts,
  role: Role,
  lines: readonly (LedgerRecord | null)[],
): Promise<(ApplyItem | null)[]> {
  const ids = lines.map((line) => embeddingIdOf(parts, role, line));
  const wanted = [...new Set(ids.filter((id) => id !== null))];
  const known = wanted.length === 0 ? new Map<string, EmbeddingRow>() : await parts.ledger.embeddings(wanted);
  return lines.map((line, index) => {
    if (line === null || line.row === null) return null;
    const item = toApplyItem(role, line, contextOf(parts, ids[index] ?? null, known), parts.retention);
    // A record that the store doesn't take as a document (an embedding of another model) is expected like a deleted one.
    return item.document === null ? null : item;
  });
}

function embeddingIdOf(parts: VerifyParts, role: Role, line: LedgerRecord | null): string | null {
  if (line === null || line.row === null || !needsEmbedding(role, line.entity)) return null;
  return idOfText(parts, line.entity, line);
}

function idOfText({ embedder }: VerifyParts, name: EntityName, line: LedgerRecord): string {
  const text = line.row === null ? null : embeddedText(name, line.row);
  return embeddingId(embedder.model, embedder.dimensions, text ?? '');
}

function contextOf(
  { embedder }: VerifyParts,
  id: string | null,
  known: ReadonlyMap<string, EmbeddingRow>,
): ProjectionContext {
  const embedding = id === null ? null : { id, vector: known.get(id)?.vector ?? '' };
  return { embedding, model: embedder.model, dimensions: embedder.dimensions };
}
