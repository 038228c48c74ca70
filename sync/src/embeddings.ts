/**
 * Embeddings of the records of a batch (rule 12): looked up by the id of their text, made where they are missing, and
 * kept in the primary, from where they reach other stores like any record.
 */
import { encodeVector, type RecordVersion } from '@mindora/contracts';
import { MindoraError, toMindoraError } from '@mindora/runtime';
import type { EmbeddingAssignment, EmbeddingRow } from '@mindora/stores';
import type { Refusal } from './parking.ts';
import { chunksOf, nameOf, type SyncParts } from './parts.ts';
import { embeddedText, embeddingId, needsEmbedding, type ProjectedRecord } from './projections/index.ts';

/** Records whose texts are embedded and kept in one go: what a crash in between makes twice. */
const chunkSize = 64;

/** Embeddings by record, and the records whose text the embedder refuses. */
export interface ResolvedEmbeddings {
  readonly found: ReadonlyMap<string, { readonly id: string; readonly vector: string }>;
  readonly refused: readonly Refusal[];
}

/** New embeddings, and by id why the embedder refuses a text. */
interface Made {
  readonly rows: ReadonlyMap<string, EmbeddingRow>;
  readonly refused: ReadonlyMap<string, string>;
}

interface Wanted extends RecordVersion {
  /** Null: the record is deleted. */
  readonly embeddingId: string | null;
  readonly text: string;
}

/** Assignments that wait for their turn. */
interface Assigning {
  readonly assignments: readonly EmbeddingAssignment[];
  readonly known: ReadonlyMap<string, EmbeddingRow>;
  resolve(): void;
  reject(error: unknown): void;
}

export class Embeddings {
  readonly #parts: SyncParts;
  /** Of partitions' batches, at most one each: see {@link #assign}. */
  readonly #waiting: Assigning[] = [];
  #isAssigning = false;
  /** By id: embeddings being made for one partition's batch, which another's may need too. */
  readonly #making = new Map<string, Promise<Made>>();

  constructor(parts: SyncParts) {
    this.#parts = parts;
  }

  /**
   * The embeddings of records of embedded entities. Tombstones give back theirs.
   *
   * @throws MindoraError `embedder_unavailable`, `store_unavailable`
   */
  async resolve(records: readonly ProjectedRecord[]): Promise<ResolvedEmbeddings> {
    const found = new Map<string, { id: string; vector: string }>();
    const refused: Refusal[] = [];
    const wanted = records.filter((record) => needsEmbedding('vectors', record.entity));
    for (const chunk of chunksOf(wanted, chunkSize)) {
      const resolved = await this.#resolveChunk(chunk.map((record) => this.#want(record)));
      for (const [name, embedding] of resolved.found) found.set(name, embedding);
      refused.push(...resolved.refused);
    }
    return { found, refused };
  }

  #want({ entity, id, version, row }: ProjectedRecord): Wanted {
    const text = row === null ? '' : (embeddedText(entity, row) ?? '');
    const { model, dimensions } = this.#parts.embedder;
    return { entity, id, version, text, embeddingId: row === null ? null : embeddingId(model, dimensions, text) };
  }

  async #resolveChunk(wanted: readonly Wanted[]): Promise<ResolvedEmbeddings> {
    const texts = new Map<string, string>();
    for (const { embeddingId: id, text } of wanted) if (id !== null) texts.set(id, text);
    const known = await this.#lookUp([...texts.keys()]);
    const missing = [...texts].filter(([id]) => !known.has(id));
    const refused = await this.#makeShared(missing, async (made) => {
      for (const [id, row] of made.rows) known.set(id, row);
      await this.#assign(
        wanted.filter(({ embeddingId: id }) => id === null || known.has(id)),
        known,
      );
      return made.refused;
    });
    return answerOf(wanted, known, refused);
  }

  async #lookUp(ids: readonly string[]): Promise<Map<string, EmbeddingRow>> {
    return ids.length === 0 ? new Map() : new Map(await this.#parts.ledger.embeddings(ids));
  }

  /** Makes what nobody is making yet, waits for the rest, and tells others of its own until `use` has kept them. */
  async #makeShared<T>(missing: readonly (readonly [string, string])[], use: (made: Made) => Promise<T>): Promise<T> {
    const others = new Set(missing.flatMap(([id]) => this.#making.get(id) ?? []));
    const own = missing.filter(([id]) => !this.#making.has(id));
    const making = this.#make(own);
    for (const [id] of own) this.#making.set(id, making);
    try {
      const made = await Promise.all([making, ...others]);
      return await use({
        rows: new Map(made.flatMap(({ rows }) => [...rows])),
        refused: new Map(made.flatMap(({ refused }) => [...refused])),
      });
    } finally {
      for (const [id] of own) this.#making.delete(id);
    }
  }

  /** Embeds each text once. A text that the embedder refuses is set aside, and the others are tried without it. */
  async #make(missing: readonly (readonly [string, string])[]): Promise<Made> {
    const { embedder } = this.#parts;
    const { model, dimensions } = embedder;
    const refused = new Map<string, string>();
    for (let left = [...missing]; ; ) {
      if (left.length === 0) return { rows: new Map(), refused };
      try {
        const vectors = await embedder.embed(left.map(([, text]) => text));
        const rows = left.map(([id], index): [string, EmbeddingRow] => {
          return [id, { id, model, dimensions, vector: encodeChecked(vectors[index], dimensions) }];
        });
        return { rows: new Map(rows), refused };
      } catch (thrown) {
        const at = refusedIndex(thrown, left.length);
        if (at === null) throw thrown;
        refused.set(left[at]?.[0] ?? '', 'the embedding endpoint refuses the text');
        left = left.filter((_, index) => index !== at);
      }
    }
  }

  /**
   * Notes who uses which embedding. Between the look-up and here, the last other user of an embedding may have gone,
   * and the embedding with it; so whether all are still there is asked again, in turn with all other assignments, and
   * what is missing is put back from the copy in hand. Those that wait for their turn share the next one: the commit
   * takes longer than anything else that is done for a batch.
   */
  #assign(wanted: readonly Wanted[], known: ReadonlyMap<string, EmbeddingRow>): Promise<void> {
    if (wanted.length === 0) return Promise.resolve();
    const assignments = wanted.map(({ entity, id, version, embeddingId: used }): EmbeddingAssignment => {
      return { entity, id, version, embeddingId: used };
    });
    return new Promise((resolve, reject) => {
      this.#waiting.push({ assignments, known, resolve, reject });
      if (!this.#isAssigning) void this.#assignAll();
    });
  }

  async #assignAll(): Promise<void> {
    this.#isAssigning = true;
    while (this.#waiting.length > 0) {
      const together = this.#waiting.splice(0);
      await this.#assignNow(together).then(
        () => {
          for (const one of together) one.resolve();
        },
        (thrown: unknown) => this.#assignEach(together, thrown),
      );
    }
    this.#isAssigning = false;
  }

  /** The fault of one is not the others', unless it is the primary's. */
  async #assignEach(together: readonly Assigning[], thrown: unknown): Promise<void> {
    const isAlone = together.length === 1 || toMindoraError(thrown).code === 'store_unavailable';
    for (const one of together) {
      if (isAlone) one.reject(thrown);
      else await this.#assignNow([one]).then(one.resolve, one.reject);
    }
  }

  async #assignNow(together: readonly Assigning[]): Promise<void> {
    const { ledger } = this.#parts;
    const assignments = together.flatMap((one) => one.assignments);
    const known = new Map(together.flatMap((one) => [...one.known]));
    const used = [...new Set(assignments.flatMap(({ embeddingId }) => embeddingId ?? []))];
    await ledger.assignEmbeddings(
      used.flatMap((id) => known.get(id) ?? []),
      assignments,
    );
  }
}

function answerOf(
  wanted: readonly Wanted[],
  known: ReadonlyMap<string, EmbeddingRow>,
  reasons: ReadonlyMap<string, string>,
): ResolvedEmbeddings {
  const found = new Map<string, { id: string; vector: string }>();
  const refused: Refusal[] = [];
  for (const { entity, id, version, embeddingId: used } of wanted) {
    if (used === null) continue;
    const row = known.get(used);
    const reason = reasons.get(used);
    if (row !== undefined) found.set(nameOf({ entity, id }), { id: row.id, vector: row.vector });
    else if (reason !== undefined) refused.push({ entity, id, version, reason });
  }
  return { found, refused };
}

function encodeChecked(vector: Float32Array | undefined, dimensions: number): string {
  if (vector === undefined || vector.length !== dimensions) {
    throw new MindoraError('embedder_unavailable', `the embedder doesn't give vectors of ${dimensions} dimensions`);
  }
  return encodeVector(vector);
}

/** Which text the embedder refuses for its content; null where that is not the error. */
function refusedIndex(thrown: unknown, count: number): number | null {
  const { data, poison } = toMindoraError(thrown);
  const index = data.index;
  if (data.refused === true && typeof index === 'number' && index >= 0 && index < count) return index;
  return poison && count === 1 ? 0 : null;
}
