/** Goes back to the state before the last restore, upgrade or rollback. */
import { join } from 'node:path';
import { MindoraError } from '@mindora/runtime';
import { addErasures, erasuresIn } from './adopt.ts';
import type { BackupSource } from './create.ts';
import { discardKept, exchangeStates, type KeptState, keptMax, listKept } from './exchange.ts';
import { placesOf } from './layout.ts';
import type { BackupRecord } from './record.ts';
import { keepAs, type RestoreOptions, restoreBackup, withStopped } from './restore.ts';
import type { RestorePorts } from './staging.ts';
import { listBackups } from './stored.ts';

/** A state that one can go back to. */
export interface EarlierState {
  readonly name: string;
  readonly at: string;
  /** What came after it. */
  readonly before: 'restore' | 'rollback' | 'upgrade';
  /** Null: a state that was put aside whole, stores and all. Of a primary on a server there is a backup instead. */
  readonly backup: BackupRecord | null;
}

export interface RolledBack {
  readonly state: EarlierState;
  readonly kept: KeptState | null;
  readonly erasures: number | null;
}

/** All of them, oldest first. */
export function earlierStates(
  { version, files }: Pick<BackupSource, 'version' | 'files'>,
  backups: string,
): EarlierState[] {
  const kept = listKept(files).map(({ name, at }): EarlierState => {
    return { name, at, before: name.startsWith('before-rollback') ? 'rollback' : 'restore', backup: null };
  });
  const backedUp = listBackups(backups, version).flatMap(({ name, record }): EarlierState[] => {
    if (record === null || record.reason === 'command' || record.reason === 'schedule') return [];
    return [{ name, at: record.created_at, before: record.reason, backup: record }];
  });
  return [...kept, ...backedUp].sort((one, other) => (one.at < other.at ? -1 : 1));
}

/**
 * Goes back to a state, by default the newest. What is replaced is kept, so that this can be undone too.
 *
 * @throws MindoraError `not_found` where there is none (of that name); `conflict` where the version runs
 */
export async function rollBack(
  target: BackupSource,
  to: string | null,
  ports: RestorePorts,
  options: Pick<RestoreOptions, 'migrations'> = {},
): Promise<RolledBack> {
  const { backups } = target;
  const states = earlierStates(target, backups);
  const state = to === null ? states.at(-1) : states.find(({ name }) => name === to);
  if (state === undefined) {
    const which = to === null ? 'no earlier state is kept' : `no earlier state ${to} is kept`;
    throw new MindoraError('not_found', `${which} of version ${target.version}`);
  }
  if (state.backup === null) return { state, ...(await exchangeKept(target, state, ports)) };
  const { kept, erasures } = await restoreBackup(
    join(backups, state.name),
    target,
    { ...options, keptAs: 'before-rollback', replace: true },
    ports,
  );
  return { state, kept, erasures };
}

function exchangeKept(target: BackupSource, { name }: EarlierState, ports: RestorePorts) {
  const { files } = target;
  return withStopped(target, async () => {
    const from = join(placesOf(files).kept, name);
    ports.steps.reached('make it its own');
    const erasures = addErasures(join(from, 'primary.sqlite'), erasuresIn(files.primary));
    const kept = exchangeStates(files, { from, keep: keepAs('before-rollback', name, ports) }, ports.steps);
    discardKept(files, keptMax);
    return { kept, erasures };
  });
}
