import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Asked {
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: {
    readonly model: string;
    readonly max_tokens: number;
    readonly temperature: number;
    readonly messages: readonly { readonly role: string; readonly content: string }[];
  };
}

export type Behaviour = (response: ServerResponse) => void;

/** A real server in the place of a model: behaves as told, one behaviour a request, the last one for all others. */
export interface ModelServer {
  readonly url: string;
  readonly asked: Asked[];
  behave(...behaviours: Behaviour[]): void;
  close(): Promise<void>;
}

/** An answer of OpenAI's chat completions. */
export function says(content: string, usage: object = { prompt_tokens: 3, completion_tokens: 5, total_tokens: 8 }) {
  return json({
    id: 'x',
    model: 'test-model-1',
    choices: [{ index: 0, message: { role: 'assistant', content } }],
    usage,
  });
}

export function json(body: unknown): Behaviour {
  return text(JSON.stringify(body));
}

export function text(body: string): Behaviour {
  return (response) => response.writeHead(200, { 'content-type': 'application/json' }).end(body);
}

export function status(code: number, headers: Record<string, string> = {}): Behaviour {
  return (response) => response.writeHead(code, headers).end('{"error":{"message":"secret of the provider"}}');
}

export const hangs: Behaviour = () => undefined;
export const breaksOff: Behaviour = (response) => response.destroy();

export async function startModelServer(): Promise<ModelServer> {
  const asked: Asked[] = [];
  let behaviours: Behaviour[] = [hangs];
  const server = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      asked.push({ path: request.url ?? '', authorization: request.headers.authorization, body: JSON.parse(body) });
      const behaviour = behaviours.length > 1 ? behaviours.shift() : behaviours[0];
      behaviour?.(response);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    behave(...next) {
      behaviours = next;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}
