/**
 * What the sync needs of a store. One suite (in @mindora/testing) holds every engine of every role to it.
 */
import type { EntityName, RecordKey, Role, Row } from '@mindora/contracts';

/** Where a store stands in the log of one partition (rule 8). */
export interface StorePosition {
  readonly incarnation: string;
  readonly partition: number;
  readonly n: number;
}

/** One record to apply. `document` null deletes it and leaves a tombstone at `version`. */
export interface ApplyItem {
  readonly entity: EntityName;
  readonly id: string;
  readonly version: number;
  /** The user whom the record belongs to, where it has an owner and is known. Personal stores need it. */
  readonly owner: string | null;
  readonly document: Row | null;
  /** Milliseconds since 1970 after which queries must not see it any more; null keeps it. */
  readonly expiresAt: number | null;
}

export interface ApplyBatch {
  readonly items: readonly ApplyItem[];
  /**
   * Of the batches that the items are of, one a partition at most. Stored in the same commit as the items; none where
   * only a part of a batch is applied.
   */
  readonly positions: readonly StorePosition[];
  /** A write of these records was broken off: what is there of them may be damaged in a way that no look shows. */
  readonly mend?: boolean;
}

/**
 * `applied`: the store now holds this version. `stale`: it holds a newer one and kept it. `refused`: the engine does
 * not take this content; everything else of the batch was applied.
 */
export type ApplyResult =
  | { readonly outcome: 'applied' }
  | { readonly outcome: 'stale'; readonly version: number }
  | { readonly outcome: 'refused'; readonly reason: string };

/**
 * What a store really holds of a record, as its queries would see it. `document` null with `deleted` is a tombstone.
 * A document that sync did not write has version null. `fault` says what of the store's own structures contradicts
 * the document (an index without the text, a vector without its object), and makes the record differ.
 */
export interface StoredRecord {
  readonly entity: EntityName;
  readonly id: string;
  readonly version: number | null;
  readonly deleted: boolean;
  readonly document: Row | null;
  readonly expiresAt: number | null;
  readonly fault?: string;
  /**
   * A cache gave up the content for want of memory and kept the version: `document` is null, `deleted` false, and
   * verify counts no difference (a cache may lack what the primary keeps).
   */
  readonly evicted?: true;
}

export interface ScanPage {
  /** Ordered by id as UTF-8 bytes. Tombstones are included, expired documents are not. */
  readonly records: readonly StoredRecord[];
  /** Id to go on after; null at the end. */
  readonly next: string | null;
}

export interface Capabilities {
  /** The store forgets by itself what has expired. */
  readonly expires: boolean;
  /** Loses everything when its process ends. */
  readonly volatile: boolean;
  /** Vector length that the store was made for, 0 where it holds none. */
  readonly dimensions: number;
  /**
   * What a server keeps of deleted content in its own files after {@link Target.scrub}, where no query finds it, and
   * until when: for the certificate of an erasure (rule 16). A store that leaves no byte has none.
   */
  readonly retains?: { readonly what: string; readonly until: string };
  /** Free of charge to say no: contents that the engine can't hold, for people. */
  readonly refuses: readonly string[];
  /**
   * Queries see what was applied only a while later, or once {@link Target.get}, `scan` or `refresh` was asked, which
   * make it visible. Who promises that a query sees a record asks `get` for it first.
   */
  readonly seenLater?: true;
  /**
   * Where the engine can't guard by version: so long after its sender is gone, a write may still be carried out. Who
   * takes such a store over waits for so long, and reconciles, before it applies (rule 10).
   */
  readonly lateWritesMs?: number;
}

export interface StoreHealth {
  readonly ok: boolean;
  readonly detail: string;
}

export interface Target {
  readonly role: Role;
  /** Engine and version for people, e.g. "SQLite 3.51 FTS5". */
  readonly engine: string;
  readonly capabilities: Capabilities;
  /** Makes what is missing; may be called again at any time. */
  migrate(): Promise<void>;
  /**
   * Applies a batch in one commit (or so that repeating it after a crash gives the same). An item is taken when its
   * version is at least the stored one: the same version again mends what was damaged, an older one is `stale`. The
   * deleted stays deleted until a newer version. Results are in the order of the items.
   *
   * Within a batch the same record may occur more than once; the later item of equal or higher version wins.
   *
   * @throws MindoraError `store_unavailable` (retryable) where nothing was applied because of the store itself
   */
  apply(batch: ApplyBatch): Promise<ApplyResult[]>;
  /** In the order of the keys; null where the store knows nothing of a record. */
  get(keys: readonly RecordKey[]): Promise<(StoredRecord | null)[]>;
  /** Records of one entity with an id above `after` (null: from the start), at most `limit` (1-10,000). */
  scan(entity: EntityName, after: string | null, limit: number): Promise<ScanPage>;
  /**
   * Like {@link scan}, but without documents: quick, for reconciling. The only faults are that a document is gone or
   * stands where a tombstone should, which nothing else would tell here.
   */
  scanVersions(entity: EntityName, after: string | null, limit: number): Promise<ScanPage>;
  /** Makes everything applied visible to queries and checks the store's own indexes, before a comparison. */
  refresh(): Promise<void>;
  /** One entry for each partition that was ever applied. */
  positions(): Promise<StorePosition[]>;
  /** Sets positions after a reconcile, without applying anything. */
  setPositions(positions: readonly StorePosition[]): Promise<void>;
  /** A label that sync keeps in the store: which projection it was filled with; null in a new store. */
  label(): Promise<string | null>;
  setLabel(label: string): Promise<void>;
  /** Forgets tombstones of records deleted before a time (ms since 1970) and expired documents; how many. */
  purge(deletedBefore: number): Promise<number>;
  /** Overwrites freed space so that no byte of deleted content stays in the files (erasure, rule 16). */
  scrub(): Promise<void>;
  health(): Promise<StoreHealth>;
  /**
   * Settings of a server that could lose what it acknowledged, each by its name, with what to set. A store that runs
   * in process sets its own, so it has none to tell.
   */
  weakSettings?(): Promise<string[]>;
  /** Removes all content, positions and the label; the store is as after its first migrate. */
  wipe(): Promise<void>;
  /** Idempotent. */
  close(): Promise<void>;
}
