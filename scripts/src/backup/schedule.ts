/** Backups that a running version makes by itself. */
import { statSync } from 'node:fs';
import type { MetricFamily } from '@mindora/contracts';
import { type Clock, type Logger, toMindoraError } from '@mindora/runtime';
import { withArchivist } from './archivist.ts';
import { type BackupSource, createBackup } from './create.ts';
import { unwatched } from './ports.ts';
import type { BackupSettings } from './settings.ts';
import { listBackups, removeSuperfluous } from './stored.ts';

/** How often the schedule is looked at, at most. */
const lookEveryMs = 60_000;
/** Pause after a backup that failed: the disk may be full for hours. */
const retryAfterMs = 15 * 60_000;

export interface ScheduledBackups {
  /** Makes no further one, and waits for the one that is being made. */
  stop(): Promise<void>;
}

/**
 * Makes a backup whenever the newest, by whomever, is `everyMs` old; the first so long after the version was begun. So
 * a restart neither puts it off nor makes another. Failures are logged, and show in the age of the newest.
 */
export function scheduleBackups(
  source: BackupSource,
  settings: BackupSettings,
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
): ScheduledBackups {
  const { everyMs } = settings;
  if (everyMs === 0) return { stop: () => Promise.resolve() };
  let notBefore = 0;
  let running: Promise<void> = Promise.resolve();
  const run = async (): Promise<void> => {
    try {
      if (clock.now() - newestAt(source) < everyMs) return;
      const record = await withArchivist((archivist) =>
        createBackup(source, 'schedule', { clock, archivist, steps: unwatched }),
      );
      const removed = removeSuperfluous(source, 'schedule', settings);
      log.info({ backup: record.name, took_ms: record.took_ms, removed: removed.length }, 'scheduled backup');
    } catch (thrown) {
      notBefore = clock.now() + Math.min(retryAfterMs, everyMs);
      const { code, message } = toMindoraError(thrown);
      log.error({ code, error: message }, 'the scheduled backup failed');
    }
  };
  const end = clock.every(Math.min(lookEveryMs, Math.ceil(everyMs / 4)), () => {
    if (clock.now() >= notBefore) running = run();
    return running;
  });
  return {
    stop() {
      end();
      return running;
    },
  };
}

/** When the newest backup was made; before the first, when the version's data was begun; 0 where there is none. */
export function newestAt({ backups, version, files }: BackupSource): number {
  const times = listBackups(backups, version).flatMap(({ record }) =>
    record === null ? [] : [Date.parse(record.created_at)],
  );
  return times.length > 0 ? Math.max(...times) : (statSync(files.secrets, { throwIfNoEntry: false })?.mtimeMs ?? 0);
}

/** What is measured of backups: how much work would be lost with the primary, and how much is meant to be at most. */
export async function measureBackups(
  source: BackupSource,
  { everyMs }: BackupSettings,
  clock: Clock,
): Promise<MetricFamily[]> {
  const gauge = (name: string, help: string, value: number): MetricFamily => {
    return { name, help, type: 'gauge', values: [{ labels: {}, value }] };
  };
  const ageSeconds = Math.max(0, (clock.now() - newestAt(source)) / 1000);
  const count = listBackups(source.backups, source.version).filter(({ record }) => record !== null).length;
  return [
    gauge(
      'mindora_backup_age_seconds',
      'Since the newest backup; before the first, since the version began',
      ageSeconds,
    ),
    gauge('mindora_backup_schedule_seconds', 'Pause between two scheduled backups, 0: none', everyMs / 1000),
    gauge('mindora_backups', 'Whole backups that are there', count),
  ];
}
