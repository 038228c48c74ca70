/** `backup.json`: what a backup says of itself. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MindoraError } from '@mindora/runtime';
import { z } from 'zod';

export const recordName = 'backup.json';

const digestSchema = z.strictObject({ bytes: z.int().min(0), sha256: z.string().regex(/^[0-9a-f]{64}$/) });

const factsSchema = z.strictObject({
  migrations: z.array(z.string()),
  /** Of the primary's ledger: how many records it knows, and how many changes it has counted in all. */
  position: z.strictObject({ records: z.int().min(0), changes: z.int().min(0) }),
  /** Rows by entity. */
  records: z.record(z.string(), z.int().min(0)),
  /** The fingerprint that verify prints. */
  root: z.string(),
});

const recordSchema = z.strictObject({
  format: z.literal(1),
  name: z.string(),
  version: z.string(),
  product: z.string(),
  engine: z.enum(['sqlite', 'mysql']),
  reason: z.enum(['command', 'schedule', 'upgrade', 'restore', 'rollback']),
  created_at: z.string(),
  took_ms: z.int().min(0),
  ...factsSchema.shape,
  files: z.record(z.string().regex(/^[a-z][\w.-]*$/), digestSchema),
});

/** Size and content of a file. */
export type FileDigest = z.infer<typeof digestSchema>;
/** What a copy of the primary holds. */
export type PrimaryFacts = z.infer<typeof factsSchema>;
export type BackupRecord = z.infer<typeof recordSchema>;
/** Who asked for it; retention goes by that. */
export type BackupReason = BackupRecord['reason'];

/** @throws MindoraError `not_found` where there is no backup, `conflict` where its description can't be read */
export function readRecord(folder: string): BackupRecord {
  const file = join(folder, recordName);
  if (!existsSync(file)) throw new MindoraError('not_found', `there is no backup in ${folder}`);
  const parsed = recordSchema.safeParse(parseJson(readFileSync(file, 'utf8')));
  if (!parsed.success) throw new MindoraError('conflict', `${file} is damaged, or of a newer Mindora`);
  return parsed.data;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // What isn't JSON is told like what isn't a description.
    return null;
  }
}

/** Bytes of all its files. */
export function bytesOf({ files }: Pick<BackupRecord, 'files'>): number {
  return Object.values(files).reduce((sum, { bytes }) => sum + bytes, 0);
}
