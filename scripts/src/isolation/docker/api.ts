/** As much of Docker's API as the attack needs. Podman speaks it too. */
import { type RequestOptions, request } from 'node:http';
import { MindoraError } from '@mindora/runtime';

const timeoutMs = 30_000;
const bytesMax = 16 * 1024 * 1024;
const version = '/v1.41';

/** An engine by its endpoint. */
export interface Docker {
  /** Plain JSON. @throws MindoraError `store_unavailable` where it doesn't answer, or refuses */
  get(path: string): Promise<unknown>;
  /** What a container has written, both streams; the newest lines. */
  logs(id: string, linesMax: number): Promise<string>;
  /** Runs a command in a container to its end. */
  exec(id: string, command: readonly string[]): Promise<ExecResult>;
}

export interface ExecResult {
  readonly code: number;
  readonly output: string;
}

/** @param endpoint `unix:///path/of.sock`, or `tcp://HOST:PORT` */
export function createDocker(endpoint: string): Docker {
  const place = placeOf(endpoint);
  const json = async (method: string, path: string, body?: object): Promise<unknown> => {
    return JSON.parse((await send(place, method, path, body)).toString('utf8'));
  };
  return {
    get: (path) => json('GET', path),
    async logs(id, linesMax) {
      const query = `stdout=true&stderr=true&tail=${linesMax}`;
      return (await send(place, 'GET', `/containers/${id}/logs?${query}`)).toString('utf8');
    },
    async exec(id, command) {
      const wanted = { AttachStdout: true, AttachStderr: true, Tty: true, Cmd: command };
      const { Id } = (await json('POST', `/containers/${id}/exec`, wanted)) as { Id: string };
      // A terminal's output comes as it is, without frames.
      const output = await send(place, 'POST', `/exec/${Id}/start`, { Detach: false, Tty: true });
      const { ExitCode } = (await json('GET', `/exec/${Id}/json`)) as { ExitCode: number | null };
      return { code: ExitCode ?? -1, output: output.toString('utf8').replaceAll('\r\n', '\n') };
    },
  };
}

function placeOf(endpoint: string): RequestOptions {
  const url = URL.parse(endpoint);
  if (url?.protocol === 'unix:') return { socketPath: url.pathname };
  if (url?.protocol === 'tcp:') return { host: url.hostname, port: Number(url.port) };
  throw new MindoraError('invalid_request', '--docker must begin with unix:// or tcp://');
}

function send(place: RequestOptions, method: string, path: string, body?: object): Promise<Buffer> {
  const text = body === undefined ? '' : JSON.stringify(body);
  const headers = { host: 'docker', 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown): void => {
      reject(new MindoraError('store_unavailable', `Docker: ${(cause as Error).message}`, { cause }));
    };
    const asked = request({ ...place, method, path: version + path, headers, timeout: timeoutMs }, (response) => {
      const parts: Buffer[] = [];
      let bytes = 0;
      response.on('data', (part: Buffer) => {
        bytes += part.length;
        if (bytes > bytesMax) asked.destroy(new Error('the answer is too large'));
        else parts.push(part);
      });
      response.on('error', fail);
      response.on('end', () => {
        const answer = Buffer.concat(parts);
        if ((response.statusCode ?? 500) < 300) resolve(answer);
        else fail(new Error(`${method} ${path} is answered with ${response.statusCode}`));
      });
    });
    asked.on('timeout', () => asked.destroy(new Error('no answer in time')));
    asked.on('error', fail);
    asked.end(text);
  });
}
