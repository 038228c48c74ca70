/** What a killed restore left, whichever kind of primary the version has. */
import { filesOf, withKeptSettings } from '../compose/files.ts';
import { tryLock } from '../compose/lock.ts';
import type { Config } from '../config.ts';
import { primaryLocationOf } from '../engines.ts';
import type { BackupSource } from './create.ts';
import { isBeingExchanged, settle } from './exchange.ts';
import { isServerNoted } from './layout.ts';

type Place = Pick<BackupSource, 'files' | 'primary'>;

/** Where the state of a version is; on a server, if a restore to one was broken off, whatever the configuration says now. */
export function placeOf(config: Config): Place {
  const files = filesOf(config.directory);
  const engines = isServerNoted(files) ? { ...config.engines, kind: 'real' as const } : config.engines;
  return { files, primary: primaryLocationOf(engines, files.primary) };
}

/** The configuration of files that may have been in the middle of a restore: as the version last ran. */
export async function settledConfig(config: Config): Promise<Config> {
  const files = filesOf(config.directory);
  await settleIfFree(placeOf(withKeptSettings(files, config)));
  return withKeptSettings(files, config);
}

/**
 * Carries out what was decided, and removes what was not. The caller holds the lock.
 *
 * @throws MindoraError `store_unavailable` where only a server could tell, and it is away
 */
export async function settleAll(place: Place): Promise<void> {
  settle(place.files);
  if (!isServerNoted(place.files)) return;
  const { settleServer } = await import('./server/exchange.ts');
  await settleServer(place);
}

/** The same for those who don't have the lock; whoever has it settles by itself. */
export async function settleIfFree(place: Place): Promise<void> {
  if (!isBeingRestored(place)) return;
  const unlock = tryLock(place.files.lock);
  if (unlock === null) return;
  try {
    await settleAll(place);
  } finally {
    unlock();
  }
}

/** Whether a restore is under way, or was killed and not settled yet. */
export function isBeingRestored({ files }: Pick<Place, 'files'>): boolean {
  return isBeingExchanged(files) || isServerNoted(files);
}
