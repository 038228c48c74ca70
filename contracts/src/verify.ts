/**
 * The report of a consistency check (requirements A5.1, A5.2): what `mindora verify --json` prints, what the gateway
 * answers, what metrics are made from. It names records, versions and fields, never content.
 */
import { z } from 'zod';
import { roles } from './definition.ts';
import { type EntityName, entityNames } from './entities.ts';

/**
 * What is wrong with a record in a store.
 *
 * - `missing`: the ledger has the record, the store shows nothing
 * - `extra`: the store shows a document that the ledger doesn't know
 * - `stale`: the store shows an older version
 * - `different`: the same version with other content, a damaged index, or a version above the ledger's
 * - `resurrected`: the ledger says deleted, the store shows a document
 */
export const driftKinds = ['missing', 'extra', 'stale', 'different', 'resurrected'] as const;
export type DriftKind = (typeof driftKinds)[number];

/**
 * What the evidence points to. `lost`: a write never arrived, or what arrived was lost. `stale`: an update never
 * arrived. `edited`: changed past the sync. `resurrected`: an old state came back, or a delete never arrived.
 * `index`: the engine's own index contradicts the document. `ahead`: the store is above the ledger (the primary was
 * set back, or the version was edited). `retention`: kept past its time, or for another time than agreed. `orphan`:
 * derived data whose source is gone. `unknown`: nothing points anywhere.
 */
export const driftCauses = [
  'lost',
  'stale',
  'edited',
  'resurrected',
  'index',
  'ahead',
  'retention',
  'orphan',
  'unknown',
] as const;
export type DriftCause = (typeof driftCauses)[number];

/** How a difference is mended. `touch` sends the record again, `raise` at a version above the store's. */
export const repairActions = ['touch', 'raise', 'delete_embedding', 'remove_relation'] as const;
export type RepairAction = (typeof repairActions)[number];

const count = z.int().min(0);
const role = z.enum(roles);
const entityName = z.enum(entityNames);

export const drift = z.object({
  store: role,
  entity: entityName,
  /** The record's id; of a RELATED_TO edge its ends as "FROM->TO". */
  id: z.string(),
  kind: z.enum(driftKinds),
  /** Null where the ledger doesn't know the record. */
  ledger_version: count.nullable(),
  /** Null where the store has nothing, or what it has was not written by sync. */
  store_version: count.nullable(),
  /** Names of the fields that differ; `expires_at` stands for the time of forgetting. */
  fields: z.array(z.string()).optional(),
  cause: z.enum(driftCauses),
  /** What a repair does about it (or would do, in a dry run). */
  repair: z.enum(repairActions),
});

/** One record that a store has wrong. */
export type Drift = z.infer<typeof drift>;

export const storeVerdict = z.object({
  engine: z.string(),
  /** Records compared: lines of the ledger, and what the store has beyond them. */
  checked: count,
  missing: count,
  extra: count,
  stale: count,
  different: count,
  resurrected: count,
  /** Written but not applied here yet when the wait was over. */
  pending: count,
  /** Refused by the engine for their content (A4.5). */
  parked: count,
  repaired: count,
  /**
   * Records that were written again each time they were looked at: the store followed, no moment was found to
   * compare contents. No sign of a fault.
   */
  moving: count,
  /** Why the store couldn't be checked (to the end); null where it was. */
  error: z.object({ code: z.string(), detail: z.string() }).nullable(),
});

/** How one store compares with the primary. */
export type StoreVerdict = z.infer<typeof storeVerdict>;

export const verifyReport = z.object({
  version: z.string(),
  /** Every count of every store but `checked`, `repaired` and `moving` is 0 at the end, and no store had an error. */
  agree: z.boolean(),
  scope: z.enum(['full', 'changed']),
  ledger: z.object({
    /** Lines of the entities checked, deleted records included. */
    records: count,
    /** SHA-256 in hex over these lines; equal for equal states (how it is made: docs of `ledgerRoot` in sync). */
    root: z.string().regex(/^[0-9a-f]{64}$/),
    /** Rows that had no line and got one now. */
    adopted: count,
  }),
  took_ms: z.number().min(0),
  stores: z.partialRecord(role, storeVerdict),
  /** At most as many as asked for; the counts are exact. */
  differences: z.array(drift),
  /** There are more differences than are listed. */
  differences_truncated: z.boolean(),
  started_at: z.string(),
  /** Where the bus stood at the end. */
  position: z.object({ incarnation: z.string(), heads: z.array(count) }),
  /** Label of the embedder whose vectors were expected. */
  embedder: z.string(),
});

/** The report of one check. */
export type VerifyReport = z.infer<typeof verifyReport>;

/** How far a check is. */
export interface VerifyProgress {
  readonly store: (typeof roles)[number];
  readonly entity: EntityName;
  /** Records of this store compared so far. */
  readonly checked: number;
  /** How many there are about; exact in the last call for a store. */
  readonly total: number;
}
