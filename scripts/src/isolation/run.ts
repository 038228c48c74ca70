/** Every version attacks every other one. */
import { type Clock, MindoraError, type Random } from '@mindora/runtime';
import { type MarkersByVersion, plantMarkers, removeMarkers } from './markers.ts';
import type { Party } from './party.ts';
import { type Attempt, type Border, crossed, type Kind, type Probe, reasonOf, untried } from './probe.ts';

/** An attempt, with who made it on whom. */
export interface Finding extends Attempt {
  readonly probe: string;
  readonly kind: Kind;
  readonly attacker: string;
  readonly victim: string;
}

export interface IsolationOptions {
  readonly probes: readonly Probe[];
  /** False: nothing is written into any version. */
  readonly writes: boolean;
  readonly clock: Clock;
  readonly random: Random;
  onProgress?(done: number, total: number, what: string): void;
  /** URLs of records that were written for it and could not be deleted. */
  onLeft?(urls: readonly string[]): void;
}

const partiesMax = 50;
const probeMsMax = 120_000;
const attemptsMax = 2000;

/**
 * Attacks every ordered pair, one after the other: two attacks at once could stand in each other's way. The records
 * that were written for it are deleted at the end, whatever happens.
 *
 * @throws MindoraError `invalid_request` for less than two versions, or more than there can be
 */
export async function attackAll(parties: readonly Party[], options: IsolationOptions): Promise<Finding[]> {
  if (parties.length < 2 || parties.length > partiesMax) {
    const names = parties.map(({ name }) => name).join(', ');
    throw new MindoraError('invalid_request', `isolation needs at least two versions; here: ${names || 'none'}`);
  }
  const markers: MarkersByVersion = options.writes
    ? await plantMarkers(parties, options)
    : new Map(parties.map(({ name }) => [name, { missing: 'nothing was to be written' }]));
  try {
    return await attackWith(parties, markers, options);
  } finally {
    const left = options.writes ? await removeMarkers(parties, markers) : [];
    if (left.length > 0) options.onLeft?.(left);
  }
}

async function attackWith(
  parties: readonly Party[],
  markers: MarkersByVersion,
  { probes, clock, onProgress }: IsolationOptions,
): Promise<Finding[]> {
  const borders = parties.flatMap((attacker) =>
    parties.filter((victim) => victim !== attacker).map((victim): Border => ({ attacker, victim, markers })),
  );
  const findings: Finding[] = [];
  // A probe has all borders in turn: what changes something comes last, after every look.
  for (const [index, probe] of probes.entries()) {
    for (const [number, border] of borders.entries()) {
      onProgress?.(index * borders.length + number, probes.length * borders.length, probe.name);
      findings.push(...(await findingsOf(probe, border, clock)));
    }
  }
  return findings;
}

async function findingsOf(probe: Probe, border: Border, clock: Clock): Promise<Finding[]> {
  const attempts = await attemptsOf(probe, border, clock);
  const { name, kind } = probe;
  const who = { probe: name, kind, attacker: border.attacker.name, victim: border.victim.name };
  const kept = attempts.slice(0, attemptsMax).map((attempt) => ({ ...who, ...attempt }));
  if (attempts.length <= attemptsMax) return kept;
  const rest = attempts.slice(attemptsMax);
  const what = `${rest.length} further attempts`;
  const through = rest.some(({ outcome }) => outcome === 'crossed');
  return [...kept, { ...who, ...(through ? crossed(what, 'not all listed') : untried(what, 'too many to list')) }];
}

/** A probe that fails or takes too long has shown nothing. */
async function attemptsOf(probe: Probe, border: Border, clock: Clock): Promise<readonly Attempt[]> {
  const done = new AbortController();
  const tooLong = clock.sleep(probeMsMax, done.signal).then(() => [untried(probe.tries, 'took too long')]);
  try {
    const attempts = await Promise.race([Promise.resolve(probe.attack(border)), tooLong]);
    return attempts.length > 0 ? attempts : [untried(probe.tries, 'there was nothing to try')];
  } catch (error) {
    return [untried(probe.tries, reasonOf(error))];
  } finally {
    done.abort();
  }
}
