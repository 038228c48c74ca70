/** What a look found, as the report tells it. */

export interface Finding {
  readonly check: string;
  /** Null: this machine, its engine or a stand-in can't show it; the detail says why. */
  readonly ok: boolean | null;
  readonly detail: string;
}

export function passed(check: string, detail: string): Finding {
  return { check, ok: true, detail };
}

export function failed(check: string, detail: string): Finding {
  return { check, ok: false, detail };
}

export function notHere(check: string, detail: string): Finding {
  return { check, ok: null, detail };
}

/** One finding for many that were looked at: fails with those that are wrong. */
export function allOf(check: string, wrong: readonly string[], looked: number, what: string): Finding {
  if (looked === 0) return failed(check, `no ${what} to look at`);
  return wrong.length === 0 ? passed(check, `${looked} ${what}`) : failed(check, wrong.join('; '));
}

/** A look that throws has found something as well. */
export async function looked(check: string, look: () => Promise<Finding | readonly Finding[]>): Promise<Finding[]> {
  try {
    const found = await look();
    return 'check' in found ? [found] : [...found];
  } catch (error) {
    return [failed(check, error instanceof Error ? error.message : String(error))];
  }
}
