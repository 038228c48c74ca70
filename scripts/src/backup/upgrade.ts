/** What is looked at before a version's data is opened, which may change its tables. */
import { existsSync } from 'node:fs';
import { type Logger, MindoraError, systemClock } from '@mindora/runtime';
import { migrationNames } from '@mindora/stores/primary/migrations/index';
import { sqlite } from '@mindora/stores/primary/sqlite';
import { withArchivist } from './archivist.ts';
import { type BackupSource, createBackup } from './create.ts';
import { unwatched } from './ports.ts';
import { migrationsIn } from './sqlite.ts';
import { removeSuperfluous } from './stored.ts';

/** Backups made before upgrades; the oldest go. */
const upgradesKept = 3;

/**
 * Backs data up that this Mindora is about to upgrade. The caller holds the version's lock.
 *
 * @throws MindoraError `conflict` where a newer Mindora has upgraded it: this one would write what that one can't read
 */
export async function guardUpgrade(source: BackupSource, log: Logger): Promise<void> {
  const done = namesIn(source);
  if (done === null) return;
  const known = migrationNames(sqlite);
  const unknown = done.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    const what = `the data of version ${source.version} was upgraded by a newer Mindora (${unknown.join(', ')})`;
    throw new MindoraError('conflict', `${what}; start that one, or go back with "mindora rollback"`);
  }
  if (known.every((name) => done.includes(name))) return;
  const ports = { clock: systemClock(), steps: unwatched };
  const { name } = await withArchivist((archivist) => createBackup(source, 'upgrade', { ...ports, archivist }));
  removeSuperfluous(source, 'upgrade', { keep: upgradesKept, keepWeekly: 0 });
  log.info({ backup: name }, 'backed up before the upgrade');
}

/** Null where there is nothing to upgrade yet. */
function namesIn({ primary }: BackupSource): string[] | null {
  if (primary.kind === 'mysql' || !existsSync(primary.file)) return null;
  try {
    return migrationsIn(primary.file);
  } catch (thrown) {
    throw sqlite.translate(thrown);
  }
}
