/** Requests to gateways: bounded in time, and patient where a gateway asks for it. */
import type { RouteDefinition } from '@mindora/contracts';
import { systemClock } from '@mindora/runtime';

const timeoutMsDefault = 5000;
const textLengthMax = 200_000;
const triesMax = 4;
const clock = systemClock();

export interface Request {
  readonly method?: string;
  /** Sent as `Authorization: Bearer`; null: nothing is shown. */
  readonly credential?: string | null;
  readonly body?: unknown;
  /** How long an answer may take. */
  readonly timeoutMs?: number;
}

export interface Response {
  readonly status: number;
  /** The beginning of the body. */
  readonly text: string;
}

/**
 * Asks a gateway; where it has had too many wrong credentials of this address, again after the pause that it names.
 *
 * @throws Error where nobody answers
 */
export async function ask(url: string, request: Request = {}): Promise<Response> {
  for (let attempt = 1; ; attempt++) {
    const response = await send(url, request);
    if (response.status !== 429 || attempt === triesMax) {
      return { status: response.status, text: (await response.text()).slice(0, textLengthMax) };
    }
    await response.body?.cancel();
    await clock.sleep(Math.min(5, Number(response.headers.get('retry-after') ?? 1)) * 1000);
  }
}

function send(url: string, request: Request): Promise<globalThis.Response> {
  const { method = 'GET', credential = null, body, timeoutMs = timeoutMsDefault } = request;
  const headers: Record<string, string> = {};
  if (credential !== null) headers.authorization = `Bearer ${credential}`;
  if (body !== undefined) headers['content-type'] = 'application/json';
  const signal = AbortSignal.timeout(timeoutMs);
  return fetch(url, {
    method,
    headers,
    signal,
    redirect: 'manual',
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

/** The path of a route with its parameters; a parameter that isn't given gets `standard`. */
export function pathOf(route: RouteDefinition, params: Readonly<Record<string, string>>, standard: string): string {
  return route.path.replace(/\{(\w+)\}/g, (_all, name: string) => encodeURIComponent(params[name] ?? standard));
}
