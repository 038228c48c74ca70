/** What could lose an acknowledged write: settings of the engines, read where they are. */
import { MindoraError } from '@mindora/runtime';
import type { Version } from './version.ts';

export interface WeakPart {
  readonly part: string;
  /** Each by its name, with what to set. */
  readonly weak: readonly string[];
}

/** Settings of all engines that answer, by part. */
export async function weakSettingsOf({ primary, sync }: Pick<Version, 'primary' | 'sync'>): Promise<WeakPart[]> {
  // An engine that is away is asked when it comes, before anything is entrusted to it.
  const weak = await primary.weakSettings().catch(() => []);
  return [{ part: 'primary', weak }, ...(await sync.weakSettings())];
}

/**
 * Refuses engines that could lose what they acknowledge.
 *
 * @param allowUnsafe only tells
 * @throws MindoraError `conflict`, naming every setting
 */
export async function assertDurable(
  version: Pick<Version, 'primary' | 'sync'>,
  allowUnsafe: boolean,
  tell: (line: string) => void,
): Promise<void> {
  const lines = (await weakSettingsOf(version)).flatMap(({ part, weak }) => weak.map((one) => `${part}: ${one}`));
  if (lines.length === 0) return;
  if (!allowUnsafe) {
    const detail = `engines could lose what they acknowledge: ${lines.join('; ')}`;
    throw new MindoraError('conflict', `${detail}. On a machine where that doesn't matter, give --allow-unsafe`);
  }
  for (const line of lines) tell(`unsafe, but allowed: ${line}`);
}
