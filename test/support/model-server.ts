import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Question {
  readonly authorization: string | undefined;
  readonly model: string;
  readonly max_tokens: number;
  readonly temperature: number;
  readonly messages: readonly { readonly role: string; readonly content: string }[];
}

/** A server with OpenAI's chat completions, in the place of a model. */
export interface ModelServer {
  readonly url: string;
  readonly questions: Question[];
  close(): Promise<void>;
}

/** @param answer what it says to a question */
export async function startModelServer(answer: (question: Question) => string): Promise<ModelServer> {
  const questions: Question[] = [];
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const { authorization } = request.headers;
    const question = { authorization, ...(JSON.parse(Buffer.concat(parts).toString()) as object) } as Question;
    questions.push(question);
    const message = { role: 'assistant', content: answer(question) };
    const usage = { prompt_tokens: 3, completion_tokens: 5, total_tokens: 8 };
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ model: 'model-that-answers', choices: [{ index: 0, message }], usage }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    questions,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
