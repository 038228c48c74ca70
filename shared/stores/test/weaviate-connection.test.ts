/** What a real server does only by chance: it closes a connection that was kept, just when it is used again. */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { parseWeaviateUrl, WeaviateConnection } from '../src/vectors/weaviate-connection.ts';

let server: Server;
let connection: WeaviateConnection;
/** The method of each request, in the order in which they came; by connection. */
let requests: string[][];

/** Answers the first request of each connection, and closes it with the second. */
function serve(socket: Socket): void {
  const own: string[] = [];
  requests.push(own);
  socket.on('error', () => undefined);
  socket.on('data', (data) => {
    own.push(data.toString().split(' ', 1)[0] ?? '');
    if (own.length > 1) socket.destroy();
    else socket.write('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}');
  });
}

/** The connection is kept only when its answer was read to the end. */
const kept = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

beforeEach(async () => {
  requests = [];
  server = createServer(serve);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  connection = new WeaviateConnection(parseWeaviateUrl(`http://:key@127.0.0.1:${port}?grpc=${port}`));
});

afterEach(() => {
  connection.close();
  server.close();
});

test('what reads is asked once more, on another connection', async () => {
  await connection.rest('GET', '/meta');
  await kept();
  expect(await connection.rest('GET', '/meta')).toEqual({ status: 200, body: {} });
  expect(requests).toEqual([['GET', 'GET'], ['GET']]);
  await kept();
  await connection.ping();
  expect(requests.slice(0, 3)).toEqual([['GET', 'GET'], ['GET', 'GET'], expect.arrayContaining(['GET'])]);
});

test.each(['PUT', 'POST', 'DELETE'])('a %s that may have been carried out is not sent again', async (method) => {
  await connection.rest('GET', '/meta');
  await kept();
  const sent = connection.rest(method, '/objects/a', method === 'DELETE' ? {} : { body: '{}' });
  await expect(sent).rejects.toMatchObject({ code: 'store_unavailable' });
  expect(requests).toEqual([['GET', method]]);
});
