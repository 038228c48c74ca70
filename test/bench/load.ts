import { Agent, request } from 'node:http';

export interface LoadTarget {
  readonly url: string;
  /** Authorization of each request in turn. */
  readonly keys: readonly string[];
}

export interface LoadResult {
  readonly requests: number;
  readonly tookMs: number;
  readonly latenciesMs: readonly number[];
}

/** Sends bodies one after the other on so many connections, for so long. @throws Error for any answer but 201 */
export async function postFor(
  target: LoadTarget,
  bodyOf: (number: number, key: number) => object,
  options: { readonly connections: number; readonly forMs: number; readonly firstNumber: number },
): Promise<LoadResult> {
  const agent = new Agent({ keepAlive: true, maxSockets: options.connections });
  const latenciesMs: number[] = [];
  const began = performance.now();
  let number = options.firstNumber;
  const connection = async (): Promise<void> => {
    while (performance.now() - began < options.forMs) {
      const mine = number++;
      const key = mine % Math.max(1, target.keys.length);
      const sentAt = performance.now();
      await post(agent, target.url, target.keys[key], JSON.stringify(bodyOf(mine, key)));
      latenciesMs.push(performance.now() - sentAt);
    }
  };
  await Promise.all(Array.from({ length: options.connections }, connection));
  agent.destroy();
  return { requests: latenciesMs.length, tookMs: performance.now() - began, latenciesMs };
}

function post(agent: Agent, url: string, key: string | undefined, body: string): Promise<void> {
  const headers = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
  };
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: 'POST', agent, headers }, (response) => {
      response.resume().once('end', () => {
        if (response.statusCode === 201) resolve();
        else reject(new Error(`answered ${response.statusCode}`));
      });
    });
    sent.once('error', reject);
    sent.end(body);
  });
}
