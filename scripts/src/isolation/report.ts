/** What an attack has shown: for each version its borders by kind (A3.5), and every attempt. */
import { type Kind, kinds, type Outcome, type Probe } from './probe.ts';
import type { Finding } from './run.ts';

export type Counts = Readonly<Record<Outcome, number>>;

/** Of the borders of one kind of one version. */
export interface Verdict extends Counts {
  readonly outcome: Outcome;
}

export interface IsolationReport {
  /** Nothing crossed, and something held. */
  readonly isolated: boolean;
  /** By version and `database_isolation` and so on: its borders as a victim. */
  readonly versions: Readonly<Record<string, Readonly<Record<`${Kind}_isolation`, Verdict>>>>;
  readonly probes: readonly ProbeReport[];
  readonly attempts: readonly Finding[];
  readonly total: Counts;
  readonly took_ms: number;
}

export interface ProbeReport extends Counts {
  readonly probe: string;
  readonly kind: Kind;
  readonly tries: string;
}

export function reportOf(
  versions: readonly string[],
  probes: readonly Probe[],
  attempts: readonly Finding[],
  tookMs: number,
): IsolationReport {
  const total = countsOf(attempts);
  return {
    isolated: total.crossed === 0 && total.held > 0,
    versions: Object.fromEntries(
      versions.map((name) => [name, verdictsOf(attempts.filter(({ victim }) => victim === name))]),
    ),
    probes: probes.map(({ name, kind, tries }) => {
      return { probe: name, kind, tries, ...countsOf(attempts.filter(({ probe }) => probe === name)) };
    }),
    attempts,
    total,
    took_ms: Math.round(tookMs),
  };
}

function verdictsOf(attempts: readonly Finding[]): Record<`${Kind}_isolation`, Verdict> {
  const verdicts = kinds.map((kind) => [`${kind}_isolation`, verdictOf(attempts.filter((one) => one.kind === kind))]);
  return Object.fromEntries(verdicts) as Record<`${Kind}_isolation`, Verdict>;
}

function verdictOf(attempts: readonly Finding[]): Verdict {
  const counts = countsOf(attempts);
  const outcome = counts.crossed > 0 ? 'crossed' : counts.held > 0 ? 'held' : 'untried';
  return { outcome, ...counts };
}

function countsOf(attempts: readonly Finding[]): Counts {
  const counts = { held: 0, crossed: 0, untried: 0 };
  for (const { outcome } of attempts) counts[outcome] += 1;
  return counts;
}
