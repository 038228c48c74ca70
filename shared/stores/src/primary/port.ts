/**
 * The primary: the record of everything (architecture, rules 1-5). Rows and, by trigger, their ledger lines.
 */
import type { EntityName, ErrorCode, RecordKey, RecordVersion, Role, Row } from '@mindora/contracts';

/**
 * One step of a unit of work, as data: a unit crosses a thread, has the connection alone, and does no other I/O.
 * `owner`, where given, must own the record, or it is `not_found`. Managed times are set by the primary.
 */
export type Mutation =
  | { readonly op: 'insert'; readonly entity: EntityName; readonly row: Row }
  /** Insert, or nothing where the same id with the same content is there already; other content is `conflict`. */
  | { readonly op: 'ensure'; readonly entity: EntityName; readonly row: Row }
  | {
      readonly op: 'update';
      readonly entity: EntityName;
      readonly id: string;
      readonly set: Row;
      readonly owner?: string;
      /** Only if the record still has this version, else `conflict`. */
      readonly version?: number;
    }
  /** Merges fields into a JSON column, top level only (null removes nothing, it is a value); inserts if missing. */
  | {
      readonly op: 'merge';
      readonly entity: EntityName;
      readonly id: string;
      readonly column: string;
      readonly fields: Row;
      readonly otherwise: Row;
    }
  | {
      readonly op: 'delete';
      readonly entity: EntityName;
      readonly id: string;
      readonly owner?: string;
      readonly version?: number;
    };

export interface Written extends RecordVersion {
  readonly change: 'inserted' | 'updated' | 'deleted' | 'unchanged';
  /** The row as it stands now, secret columns left out; null where it was deleted. */
  readonly row: Row | null;
}

export type UnitResult =
  | { readonly ok: true; readonly written: readonly Written[] }
  | { readonly ok: false; readonly code: ErrorCode; readonly detail: string };

export interface FindRows {
  readonly entity: EntityName;
  /** Column equals value; all must hold. */
  readonly where?: Row;
  /** Ascending by key; ids above this one. */
  readonly after?: string | null;
  readonly limit: number;
  /** Include secret columns: for the identity and model services alone. */
  readonly secrets?: boolean;
}

/** What services need of the primary. */
export interface PrimaryRecords {
  /**
   * Runs one unit of work: all of it or nothing, durable when the promise resolves.
   *
   * @throws MindoraError `conflict`, `not_found`, `invalid_request`, `user_erased`, `overloaded`, `store_unavailable`
   */
  write(unit: readonly Mutation[]): Promise<readonly Written[]>;
  /** Several units, each by itself; results in their order. At most 1,000. */
  writeEach(units: readonly (readonly Mutation[])[]): Promise<readonly UnitResult[]>;
  get(key: RecordKey, options?: { readonly secrets?: boolean }): Promise<Row | null>;
  find(query: FindRows): Promise<Row[]>;
  /** Current versions; 0 where the ledger knows no such record. */
  versions(keys: readonly RecordKey[]): Promise<number[]>;
  /** API keys are looked up by the SHA-256 of the key, in hex. */
  apiKey(hash: string): Promise<ApiKey | null>;
  apiKeys(userId: string | null): Promise<ApiKey[]>;
  addApiKey(key: ApiKey): Promise<void>;
  revokeApiKey(id: string): Promise<boolean>;
}

export interface ApiKey {
  readonly id: string;
  readonly hash: string;
  readonly user_id: string;
  readonly name: string;
  readonly created_at: string;
  readonly revoked_at: string | null;
}

/** A line of the ledger, with the row in the same snapshot where it was asked for. */
export interface LedgerRecord extends RecordVersion {
  /** Counts every marking; {@link PrimaryLedger.clear} compares it. */
  readonly mark: number;
  /** Milliseconds since 1970; null where the present version was captured. */
  readonly pendingSince: number | null;
  /** Stores that the pending mark is for; null: all. */
  readonly stores: readonly Role[] | null;
  /** Null where the record is deleted (or rows were not asked for). Never holds secret columns. */
  readonly row: Row | null;
  readonly present: boolean;
}

export interface Touch extends RecordKey {
  /**
   * Stores to send it to again at its present version; null: the version is raised and every store gets it.
   * Sending the same version to one store needs no new version everywhere, because stores accept an equal one.
   */
  readonly stores: readonly Role[] | null;
  /** The version becomes at least this one plus one (a store holds a version above the ledger's). */
  readonly above?: number;
}

export interface ParkedRecord extends RecordVersion {
  readonly store: Role;
  readonly reason: string;
  readonly parkedAt: string;
  readonly attempts: number;
}

/** The embedding of a record's text, to be kept while the record is at this version. Null: it has none any more. */
export interface EmbeddingAssignment extends RecordVersion {
  readonly embeddingId: string | null;
}

export interface EmbeddingRow {
  readonly id: string;
  readonly model: string;
  readonly dimensions: number;
  readonly vector: string;
}

export interface LedgerStatistics {
  readonly records: number;
  readonly pending: number;
  readonly oldestPendingAt: number | null;
  /** When this was read, by the same clock as `oldestPendingAt`. */
  readonly now: number;
  readonly parked: number;
}

/** How far the bus had got when marks were last cleared: a log that is behind this is an older copy. */
export interface PublishedTo {
  readonly incarnation: string;
  readonly heads: readonly number[];
}

/** What sync needs of the primary. Reads are snapshots and don't wait for writers. */
export interface PrimaryLedger {
  /** Milliseconds since 1970 by the clock that {@link LedgerRecord.pendingSince} is told by: the database's. */
  now(): Promise<number>;
  /** Takes or renews the lease of the one active capture; false while another holder has it. By the database's clock. */
  lease(holder: string, ttlMs: number): Promise<boolean>;
  releaseLease(holder: string): Promise<void>;
  /** Pending records with their rows in one snapshot, longest pending first, until `limit` or about `bytesMax`. */
  pending(limit: number, bytesMax: number): Promise<LedgerRecord[]>;
  /**
   * Clears the pending marks that are still the ones read, and notes in the same commit how far the bus had got. Returns
   * how many stay pending because somebody's open transaction is changing those records: that is not waited for.
   */
  clear(read: readonly { entity: EntityName; id: string; mark: number }[], published?: PublishedTo): Promise<number>;
  /** What the last {@link clear} noted; null before the first. */
  published(): Promise<PublishedTo | null>;
  /**
   * Ledger lines of one entity with rows, ordered by id as bytes, above `after`; deleted records included. Fewer than
   * `limit` where the rows are large (some 8 MB): only an empty answer is the end.
   */
  scan(entity: EntityName, after: string | null, limit: number): Promise<LedgerRecord[]>;
  /** The same without rows. */
  scanVersions(entity: EntityName, after: string | null, limit: number): Promise<LedgerRecord[]>;
  /** One snapshot; null where the ledger knows no such record. */
  read(keys: readonly RecordKey[]): Promise<(LedgerRecord | null)[]>;
  /** Marks records to be sent (again). Makes a ledger line where there is none (an extra document, to be deleted). */
  touch(touches: readonly Touch[]): Promise<void>;
  /** Marks all records of an entity, deleted ones too. Returns how many. */
  touchAll(entity: EntityName, stores: readonly Role[] | null): Promise<number>;
  /** Rows without a ledger line get one, pending (a hole that triggers left). Returns how many. */
  adoptUnlisted(): Promise<number>;
  park(records: readonly Omit<ParkedRecord, 'parkedAt' | 'attempts'>[]): Promise<void>;
  /** Forgets parked entries of these records in a store, at this version or older. */
  unpark(store: Role, records: readonly RecordVersion[]): Promise<void>;
  parked(filter: { store: Role | null; entity: EntityName | null; limit: number }): Promise<ParkedRecord[]>;
  embeddings(ids: readonly string[]): Promise<Map<string, EmbeddingRow>>;
  /**
   * Stores new vectors and notes which record uses which, in one commit; an assignment whose version is not the
   * ledger's is skipped (a newer one will come). Embeddings that no record uses any more are deleted.
   */
  assignEmbeddings(made: readonly EmbeddingRow[], assignments: readonly EmbeddingAssignment[]): Promise<void>;
  /** Embeddings that no record refers to, at most `limit` ids: there should be none. */
  orphanEmbeddings(limit: number): Promise<string[]>;
  deleteEmbeddings(ids: readonly string[]): Promise<void>;
  statistics(): Promise<LedgerStatistics>;
  /** All keys of records that belong to a user, the user's own record first. */
  keysOfUser(userId: string): Promise<RecordKey[]>;
  /** From now on writes for this user are refused with `user_erased`. */
  beginErasure(userId: string): Promise<void>;
  /** The user's erasure is done; its id stays refused. */
  endErasure(userId: string): Promise<void>;
  erasures(): Promise<{ userId: string; startedAt: string; endedAt: string | null }[]>;
  /** Deletes every record of the user in one unit of work; the keys that were deleted. */
  deleteUser(userId: string): Promise<RecordKey[]>;
  /**
   * Overwrites freed space, so that no byte of deleted content stays in the files. A server can't on request: there it
   * does nothing, and {@link Primary.scrubs} is false.
   */
  scrub(): Promise<void>;
  /** Calls back after each commit that marked something (also for changes made by other processes, within 250 ms). */
  onPending(listener: () => void): () => void;
}

/** The primary as one value; each side is given only what it needs. */
export interface Primary {
  /** For people; a server's is known exactly once it has answered. */
  readonly engine: string;
  /** Whether `ledger.scrub` leaves no byte of what was deleted; where not, the server's logs and pages expire by themselves. */
  readonly scrubs: boolean;
  readonly records: PrimaryRecords;
  readonly ledger: PrimaryLedger;
  /** Makes tables, triggers and first data; touches what a missing trigger may have missed. */
  migrate(): Promise<void>;
  health(): Promise<{ ok: boolean; detail: string }>;
  /** Settings of the engine that durability and capture rest on and that are not as they should be; what to set. */
  weakSettings(): Promise<string[]>;
  close(): Promise<void>;
}
