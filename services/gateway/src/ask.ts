import type { CallMeta, InternalActionName, InternalActions } from '@mindora/contracts';
import type { ServiceBroker } from '@mindora/runtime';

/** Calls an internal action (contracts/src/internal.ts). */
export type Ask = <N extends InternalActionName>(
  action: N,
  params: InternalActions[N]['params'],
  requestId: string,
  timeoutMs?: number,
) => Promise<InternalActions[N]['result']>;

export function createAsk(broker: ServiceBroker): Ask {
  return async (action, params, requestId, timeoutMs = 5000) => {
    // The gateway itself asks, for nobody in particular.
    const meta: CallMeta = { principal: null, requestId, scope: '' };
    return await broker.call(action, params, { meta, requestID: requestId, timeout: timeoutMs });
  };
}
