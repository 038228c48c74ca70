import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** How the server answers one request. */
export type Behaviour =
  | 'good'
  | 'shuffled'
  | 'error 500'
  | 'error 503'
  | 'busy 429'
  | 'unauthorised 401'
  | 'one too few'
  | 'one too many'
  | 'wrong dimension'
  | 'index twice'
  | 'index out of range'
  | 'garbage'
  | 'not a list'
  | 'strings'
  | 'overflow'
  | 'zeros'
  | 'endless'
  | 'cut off'
  | 'silent';

export interface Asked {
  readonly authorization: string | undefined;
  readonly body: { readonly model: string; readonly input: string[]; readonly dimensions?: number };
}

/** An endpoint like OpenAI's on a local port, which behaves as it is told, request by request. */
export class EmbeddingServer {
  readonly asked: Asked[] = [];
  /** Taken from the front; afterwards it is good. */
  readonly behaviours: Behaviour[] = [];
  /** Texts that are refused with status 400, whatever the behaviour. */
  readonly refused = new Set<string>();
  retryAfter = '7';
  baseUrl = '';
  readonly #server: Server;
  readonly #dimensions: number;

  private constructor(dimensions: number) {
    this.#dimensions = dimensions;
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  static async start(dimensions: number): Promise<EmbeddingServer> {
    const server = new EmbeddingServer(dimensions);
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    server.baseUrl = `http://127.0.0.1:${(server.#server.address() as AddressInfo).port}/v1`;
    return server;
  }

  /** What a text's vector is: its first character's code, its length, then zeros. */
  vectorOf(text: string): number[] {
    const values = new Array<number>(this.#dimensions).fill(0);
    return [text.charCodeAt(0), text.length, ...values].slice(0, this.#dimensions);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = JSON.parse(Buffer.concat(chunks).toString()) as Asked['body'];
    this.asked.push({ authorization: request.headers.authorization, body });
    if (request.url !== '/v1/embeddings' || request.method !== 'POST') {
      response.writeHead(404).end();
    } else if (body.input.some((text) => this.refused.has(text))) {
      response.writeHead(400).end(JSON.stringify({ error: { message: `refused: ${body.input[0]}` } }));
    } else {
      this.#behave(this.behaviours.shift() ?? 'good', body.input, response);
    }
  }

  #behave(behaviour: Behaviour, texts: readonly string[], response: ServerResponse): void {
    const status = /\d+$/.exec(behaviour)?.[0];
    const data = texts.map((text, index) => ({ object: 'embedding', index, embedding: this.vectorOf(text) }));
    if (status !== undefined) {
      response.writeHead(Number(status), status === '429' ? { 'retry-after': this.retryAfter } : {}).end(texts[0]);
    } else if (behaviour === 'garbage') {
      response.end('<html>gateway</html>');
    } else if (behaviour === 'cut off') {
      response.writeHead(200, { 'content-length': '1000' });
      response.write('{"data": [', () => response.destroy());
    } else if (behaviour === 'endless') {
      const more = (): void => void (response.destroyed || response.write(' '.repeat(65_536), more));
      more();
    } else if (behaviour !== 'silent') {
      response.end(JSON.stringify({ object: 'list', data: misshapen(behaviour, data) }));
    }
  }
}

interface Item {
  index: number;
  embedding: unknown;
}

function misshapen(behaviour: Behaviour, data: Item[]): unknown {
  const [first] = data;
  if (first === undefined) return data;
  const replaced = (embedding: unknown): Item[] => [{ ...first, embedding }, ...data.slice(1)];
  const numbers = first.embedding as number[];
  const shapes: Partial<Record<Behaviour, unknown>> = {
    shuffled: data.toReversed(),
    'one too few': data.slice(1),
    'one too many': [...data, { ...first, index: data.length }],
    'wrong dimension': replaced([...numbers, 1]),
    'index twice': data.map((item) => ({ ...item, index: data.length > 1 ? 0 : 5 })),
    'index out of range': data.map((item) => ({ ...item, index: item.index + 1 })),
    'not a list': { 0: first },
    strings: replaced(numbers.map(String)),
    overflow: replaced([1e300, ...numbers.slice(1)]),
    zeros: replaced(numbers.map(() => 0)),
  };
  return shapes[behaviour] ?? data;
}
