/** What the bus carries: states of records, in batches (architecture, rules 4, 7 and 8), as CloudEvents 1.0. */
import type { Row } from './canonical.ts';
import type { Role } from './definition.ts';
import type { EntityName } from './entities.ts';

/**
 * The state of one record at one version. `present` carries the row without its secret columns, `deleted` is a
 * tombstone, `by_key` is a record too large for a batch, to be read from the primary by whoever applies it.
 */
export interface Change {
  readonly entity: EntityName;
  readonly id: string;
  readonly version: number;
  readonly state: 'present' | 'deleted' | 'by_key';
  readonly row: Row | null;
  /** Only these stores need it (they were touched); null: every store that holds the entity. */
  readonly stores: readonly Role[] | null;
}

/** A record's name. */
export interface RecordKey {
  readonly entity: EntityName;
  readonly id: string;
}

/** A record at a version. */
export interface RecordVersion extends RecordKey {
  readonly version: number;
}

/** Largest batch on the bus, in bytes of JSON (rule 7). */
export const batchBytesMax = 512 * 1024;

/** Most changes in one batch. */
export const batchChangesMax = 1000;

export const changesEventType = 'dev.mindora.changes.v1';

/** The envelope of a batch on a bus that carries JSON. */
export interface ChangesEvent {
  readonly specversion: '1.0';
  readonly id: string;
  readonly source: string;
  readonly type: typeof changesEventType;
  readonly subject: string;
  readonly time: string;
  readonly datacontenttype: 'application/json';
  readonly data: {
    readonly incarnation: string;
    readonly partition: number;
    readonly n: number;
    readonly changes: readonly Change[];
  };
}
