/** How a version stands with its backups, for whoever asks how it is. */
import type { Clock } from '@mindora/runtime';
import type { BackupSource } from './create.ts';
import { bytesOf } from './record.ts';
import { newestAt } from './schedule.ts';
import type { BackupSettings } from './settings.ts';
import { listBackups } from './stored.ts';

export interface BackupStanding {
  /** The newest whole backup; null before the first. */
  readonly name: string | null;
  /** Since it was made; before the first, since the version began. */
  readonly age_ms: number;
  readonly bytes: number;
  /** Pause between two scheduled ones; 0: none are scheduled. */
  readonly every_ms: number;
  /** Later than planned by more than the alarm allows (docs/monitoring.md). */
  readonly overdue: boolean;
}

/** As the alarm on old backups: a quarter of the pause, and an hour for a version that was stopped. */
const lateFactor = 1.25;
const lateMsMax = 3_600_000;

/** Null where there is no version yet. */
export function backupStanding(
  source: BackupSource,
  { everyMs }: BackupSettings,
  { now }: Pick<Clock, 'now'>,
): BackupStanding | null {
  const at = newestAt(source);
  if (at === 0) return null;
  const newest = listBackups(source.backups, source.version).findLast(({ record }) => record !== null);
  const age = Math.max(0, now() - at);
  return {
    name: newest?.name ?? null,
    age_ms: Math.round(age),
    bytes: newest?.record == null ? 0 : bytesOf(newest.record),
    every_ms: everyMs,
    overdue: everyMs > 0 && age > lateFactor * everyMs + lateMsMax,
  };
}

/** For people. */
export function standingText({ name, age_ms, bytes, every_ms, overdue }: BackupStanding): string {
  const plan = every_ms === 0 ? 'none are scheduled' : `planned every ${durationText(every_ms)}`;
  const what = name === null ? 'none yet' : `${name}, ${durationText(age_ms)} old, ${sizeText(bytes)}`;
  return `${what} (${plan})${overdue ? ': overdue' : ''}`;
}

const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
] as const;

/** In the largest unit that it has two of. */
function durationText(ms: number): string {
  const [name, size] = units.find(([, length]) => ms >= 2 * length) ?? units[3];
  return `${Math.floor(ms / size)} ${name}`;
}

export function sizeText(bytes: number): string {
  return bytes < 2 ** 20 ? `${(bytes / 2 ** 10).toFixed(1)} KiB` : `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
