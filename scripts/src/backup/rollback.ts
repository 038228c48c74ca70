/** Goes back to the state before the last restore, upgrade or rollback. */
import { join } from 'node:path';
import { MindoraError } from '@mindora/runtime';
import { carryErasures } from './adopt.ts';
import { discardKept, exchangeStates, type KeptState, keptMax, listKept } from './exchange.ts';
import { placesOf } from './layout.ts';
import type { BackupRecord } from './record.ts';
import { keepAs, type RestorePorts, type RestoreTarget, restoreBackup, withStopped } from './restore.ts';
import { listBackups } from './stored.ts';

/** A state that one can go back to. */
export interface EarlierState {
  readonly name: string;
  readonly at: string;
  /** What came after it. */
  readonly before: 'restore' | 'rollback' | 'upgrade';
  /** Null: a state that was put aside whole, stores and all. */
  readonly backup: BackupRecord | null;
}

export interface RolledBack {
  readonly state: EarlierState;
  readonly kept: KeptState | null;
  readonly erasures: number | null;
}

/** All of them, oldest first. */
export function earlierStates(
  { version, files }: Pick<RestoreTarget, 'version' | 'files'>,
  backups: string,
): EarlierState[] {
  const kept = listKept(files).map(({ name, at }): EarlierState => {
    return { name, at, before: name.startsWith('before-rollback') ? 'rollback' : 'restore', backup: null };
  });
  const upgrades = listBackups(backups, version).flatMap(({ name, record }): EarlierState[] =>
    record?.reason === 'upgrade' ? [{ name, at: record.created_at, before: 'upgrade', backup: record }] : [],
  );
  return [...kept, ...upgrades].sort((one, other) => (one.at < other.at ? -1 : 1));
}

/**
 * Goes back to a state, by default the newest. What is replaced is kept, so that this can be undone too.
 *
 * @throws MindoraError `not_found` where there is none (of that name); `conflict` where the version runs
 */
export async function rollBack(
  target: RestoreTarget,
  { backups, to }: { readonly backups: string; readonly to: string | null },
  ports: RestorePorts,
): Promise<RolledBack> {
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
    { keptAs: 'before-rollback' },
    ports,
  );
  return { state, kept, erasures };
}

function exchangeKept(target: RestoreTarget, { name }: EarlierState, ports: RestorePorts) {
  const { files } = target;
  return withStopped(target, async () => {
    const from = join(placesOf(files).kept, name);
    ports.steps.reached('make it its own');
    const erasures = carryErasures(files.primary, join(from, 'primary.sqlite'));
    const kept = exchangeStates(files, { from, keep: keepAs('before-rollback', name, ports) }, ports.steps);
    discardKept(files, keptMax);
    return { kept, erasures };
  });
}
