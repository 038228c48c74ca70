import type { Principal } from '@mindora/contracts';
import { type Clock, MindoraError, toMindoraError } from '@mindora/runtime';

/** Who was looked up so long before the primary went away is still let in while it is. */
const verifiedMsMax = 60_000;
/** For so long, and no longer. */
const awayMsMax = 3_600_000;
/** A look-up that takes longer counts as one that failed, where there is something to fall back on. */
const patienceMs = 2000;

type LookUp = () => Promise<Principal | null>;

interface Known {
  readonly principal: Principal;
  readonly verifiedAt: number;
}

/**
 * Remembers who credentials belonged to, for while the primary is away: that is when operators look at the status, and
 * other stores can be read meanwhile. A key can't be revoked then, since that is a write to the primary; one that was
 * revoked shortly before, elsewhere than by this gateway, goes on as long as the primary is away, an hour at most.
 */
export function createLastKnown(clock: Clock, entriesMax: number) {
  const known = new Map<string, Known>();
  let awaySince: number | null = null;
  const note = (name: string, principal: Principal | null): void => {
    known.delete(name);
    if (principal !== null) known.set(name, { principal, verifiedAt: clock.now() });
    const [oldest] = known.keys();
    if (known.size > entriesMax && oldest !== undefined) known.delete(oldest);
  };
  const mayStand = ({ verifiedAt }: Known): boolean => {
    const since = awaySince ?? clock.now();
    return verifiedAt >= since - verifiedMsMax && clock.now() - since < awayMsMax;
  };
  const orKnown = async (name: string, lookUp: LookUp): Promise<Principal | null> => {
    const former = known.get(name);
    try {
      const principal = former === undefined ? await lookUp() : await within(clock, lookUp());
      awaySince = null;
      note(name, principal);
      return principal;
    } catch (thrown) {
      if (toMindoraError(thrown).code !== 'store_unavailable') throw thrown;
      awaySince ??= clock.now();
      if (former === undefined || !mayStand(former)) throw thrown;
      return former.principal;
    }
  };
  return { orKnown, forget: () => known.clear() };
}

async function within<T>(clock: Clock, work: Promise<T>): Promise<T> {
  const patience = new AbortController();
  const late = clock.sleep(patienceMs, patience.signal).then((): never => {
    throw new MindoraError('store_unavailable', 'the primary does not answer');
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    patience.abort();
    for (const other of [work, late]) other.catch(() => undefined);
  }
}
