import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { BackupSource } from '../src/backup/create.ts';
import { stampOf } from '../src/backup/layout.ts';
import type { BackupRecord } from '../src/backup/record.ts';
import { backupStanding, standingText } from '../src/backup/standing.ts';
import { filesOf } from '../src/compose/files.ts';

const hourMs = 3_600_000;
const start = Date.parse('2026-01-01T00:00:00Z');
const daily = { directory: null, everyMs: 24 * hourMs, keep: 7, keepWeekly: 4 };

let directory: string;
let source: BackupSource;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'mindora-standing-'));
  const files = filesOf(directory);
  const bus = { kind: 'embedded', file: files.bus } as const;
  const primary = { file: files.primary };
  source = { version: 'future', files, primary, bus, manifest: '{}', backups: join(directory, 'backups') };
});

afterEach(() => rmSync(directory, { recursive: true }));

function standing(hours: number, settings = daily) {
  return backupStanding(source, settings, { now: () => start + hours * hourMs });
}

/** The age of a version is that of its keys. */
function begin(): void {
  writeFileSync(source.files.secrets, '{}');
  utimesSync(source.files.secrets, start / 1000, start / 1000);
}

function backUp(hours: number): string {
  const at = start + hours * hourMs;
  const name = `future-${stampOf(at)}`;
  const record: BackupRecord = {
    format: 1,
    name,
    version: 'future',
    product: '0.1.0',
    engine: 'sqlite',
    reason: 'schedule',
    created_at: new Date(at).toISOString(),
    took_ms: 1,
    migrations: [],
    position: { records: 0, changes: 0 },
    records: {},
    root: '',
    files: { 'primary.sqlite': { bytes: 3 * 2 ** 20, sha256: '0'.repeat(64) } },
  };
  mkdirSync(join(source.backups, name), { recursive: true });
  writeFileSync(join(source.backups, name, 'backup.json'), JSON.stringify(record));
  return name;
}

test('before there is a version there is nothing to tell', () => {
  expect(standing(0)).toBeNull();
});

test('a version without a backup is overdue when the first would have been', () => {
  begin();
  expect(standing(30)).toMatchObject({ name: null, overdue: false });
  expect(standing(32)).toMatchObject({ name: null, overdue: true });
});

test('the newest whole backup counts, and is told with its age, size and plan', () => {
  begin();
  backUp(1);
  const newest = backUp(25);
  mkdirSync(join(source.backups, `future-${stampOf(start + 26 * hourMs)}`));
  const now = standing(28);
  expect(now).toEqual({
    name: newest,
    age_ms: 3 * hourMs,
    bytes: 3 * 2 ** 20,
    every_ms: 24 * hourMs,
    overdue: false,
  });
  expect(now === null ? '' : standingText(now)).toBe(`${newest}, 3 h old, 3.0 MiB (planned every 24 h)`);
  const late = standing(25 + 72);
  expect(late === null ? '' : standingText(late)).toBe(`${newest}, 3 d old, 3.0 MiB (planned every 24 h): overdue`);
});

test('without a plan none is overdue', () => {
  begin();
  const now = standing(1000, { ...daily, everyMs: 0 });
  expect([now?.overdue, now === null ? '' : standingText(now)]).toEqual([false, 'none yet (none are scheduled)']);
});
