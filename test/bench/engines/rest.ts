const timeoutMs = 30_000;

/** A request without a client's library. @throws Error where the answer isn't 2xx */
export async function ask(url: string, method: string, path: string, body?: string): Promise<unknown> {
  const address = new URL(url);
  const key = decodeURIComponent(address.password);
  const response = await fetch(`${address.protocol}//${address.host}${path}`, {
    method,
    headers: {
      'content-type': path === '/_bulk' ? 'application/x-ndjson' : 'application/json',
      ...(key === '' ? {} : { authorization: `Bearer ${key}` }),
    },
    signal: AbortSignal.timeout(timeoutMs),
    ...(body === undefined ? {} : { body }),
  });
  if (!response.ok) throw new Error(`${method} ${path} answers ${response.status}`);
  return response.json();
}
