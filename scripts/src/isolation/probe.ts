/** What an attack on the borders between versions consists of (requirements A3.2). */
import type { MarkersByVersion } from './markers.ts';
import type { Party } from './party.ts';

/** Of A3.5, and what the gateway's own rules keep apart. */
export const kinds = ['database', 'network', 'data', 'container', 'application'] as const;
export type Kind = (typeof kinds)[number];

/**
 * `held`: the attack was made, the same door opens to its owner, and the attacker was turned away. `crossed`: it got
 * through. `untried`: it could not be made, or nobody is let in there; it proves nothing.
 */
export type Outcome = 'held' | 'crossed' | 'untried';

export interface Attempt {
  /** What was tried; never a secret or content. */
  readonly tried: string;
  readonly outcome: Outcome;
  /** What answered. */
  readonly answer: string;
}

/** One version attacks another. */
export interface Border {
  readonly attacker: Party;
  readonly victim: Party;
  /** What was written into each version for this run alone. */
  readonly markers: MarkersByVersion;
}

/** One way of attacking. */
export interface Probe {
  readonly name: string;
  readonly kind: Kind;
  /** For people: what it tries. */
  readonly tries: string;
  attack(border: Border): Promise<readonly Attempt[]> | readonly Attempt[];
}

export const held = (tried: string, answer: string): Attempt => ({ tried, outcome: 'held', answer });
export const crossed = (tried: string, answer: string): Attempt => ({ tried, outcome: 'crossed', answer });
export const untried = (tried: string, answer: string): Attempt => ({ tried, outcome: 'untried', answer });

/** The reason of a failure in one line. Messages of ours and of drivers name no secret. */
export function reasonOf(error: unknown): string {
  const { code, message } = error as { code?: unknown; message?: unknown };
  const text = typeof message === 'string' && message !== '' ? message : String(code ?? error);
  return text.split('\n')[0]?.slice(0, 200) ?? '';
}
