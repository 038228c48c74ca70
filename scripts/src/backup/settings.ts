/** When backups are made by themselves, how many stay, and where: from the environment, else from the manifest. */
import { resolve } from 'node:path';
import { z } from 'zod';

/** Schemas of the variables. */
export const backupSchemas = {
  MINDORA_BACKUP_EVERY_HOURS: z.coerce.number().min(0).max(500).optional(),
  MINDORA_BACKUP_KEEP: z.coerce.number().int().min(1).max(1000).optional(),
  MINDORA_BACKUP_DIRECTORY: z.string().min(1).optional(),
} as const;

type BackupEnvironment = { readonly [Name in keyof typeof backupSchemas]?: z.infer<(typeof backupSchemas)[Name]> };

export interface BackupPlan {
  readonly every_hours: number;
  readonly keep_daily: number;
  readonly keep_weekly: number;
}

export interface BackupSettings {
  /** Null: in the version's own directory. */
  readonly directory: string | null;
  /** 0: only when somebody asks. */
  readonly everyMs: number;
  /** Of those made by the schedule, the newest so many stay, */
  readonly keep: number;
  /** and the newest of each of so many weeks. */
  readonly keepWeekly: number;
}

/** The environment goes before the manifest's plan. */
export function backupSettingsOf(env: BackupEnvironment, plan: BackupPlan): BackupSettings {
  const directory = env.MINDORA_BACKUP_DIRECTORY;
  return {
    directory: directory === undefined ? null : resolve(directory),
    everyMs: (env.MINDORA_BACKUP_EVERY_HOURS ?? plan.every_hours) * 3_600_000,
    keep: env.MINDORA_BACKUP_KEEP ?? plan.keep_daily,
    keepWeekly: plan.keep_weekly,
  };
}
