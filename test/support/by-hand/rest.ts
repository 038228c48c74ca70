const timeoutMs = 20_000;

/** One request of a server's REST interface. @throws Error for whatever isn't a success */
export type Rest = (method: string, path: string, body?: object) => Promise<unknown>;

/** @param key is sent as a bearer's, where one is asked for */
export function restAt(base: string, key?: string): Rest {
  const headers = {
    'content-type': 'application/json',
    ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
  };
  return async (method, path, body) => {
    const response = await fetch(base + path, {
      method,
      headers,
      signal: AbortSignal.timeout(timeoutMs),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text.slice(0, 500)}`);
    return text === '' ? null : JSON.parse(text);
  };
}
