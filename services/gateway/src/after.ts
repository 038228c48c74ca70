import type { IncomingHttpHeaders } from 'node:http';
import { type CallMeta, decodePosition, type RouteDefinition } from '@mindora/contracts';
import { positionHeader } from '@mindora/contracts/routes';
import { MindoraError, type ServiceBroker } from '@mindora/runtime';

/** Header that says how long a read may wait for its position, in milliseconds. */
export const waitHeader = 'x-mindora-wait-ms';

export const waitMsDefault = 10_000;
export const waitMsMax = 60_000;

/**
 * Waits until the store that a route reads holds what X-Mindora-After names (rule 13). A route that reads the primary
 * is always current, so there the header is ignored.
 *
 * @throws MindoraError `parked`, `position_timeout`, `invalid_position`, `invalid_request`
 */
export async function waitForPosition(
  broker: ServiceBroker,
  route: RouteDefinition,
  headers: IncomingHttpHeaders,
  meta: CallMeta,
): Promise<void> {
  const token = headers[positionHeader];
  if (token === undefined || route.reads === undefined) return;
  if (typeof token !== 'string' || decodePosition(token) === null) throw new MindoraError('invalid_position');
  const timeoutMs = waitMs(headers[waitHeader]);
  const params = { store: route.reads, token, timeoutMs };
  await broker.call('sync.waitFor', params, { meta, requestID: meta.requestId, timeout: timeoutMs + 5000 });
}

function waitMs(text: string | string[] | undefined): number {
  if (text === undefined) return waitMsDefault;
  const ms = typeof text === 'string' && /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (ms <= waitMsMax) return ms;
  const message = `must be a number of milliseconds from 0 to ${waitMsMax}`;
  throw new MindoraError('invalid_request', `${waitHeader} ${message}`, {
    data: { errors: [{ path: `headers.${waitHeader}`, message }] },
  });
}
