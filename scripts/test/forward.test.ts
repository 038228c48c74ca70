/** Ports of the host are carried to the engines, and whoever is lost on one side is on the other. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, test } from '@jest/globals';
import { forward, parseForward } from '../src/versions/forward.ts';

const open: Server[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
});

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

async function serve(answer: (socket: Socket) => void): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, answer).listen(0, '127.0.0.1');
  open.push(server);
  await once(server, 'listening');
  return portOf(server);
}

async function carriedTo(toPort: number): Promise<number> {
  const server = await forward({ port: 0, toHost: '127.0.0.1', toPort }, '127.0.0.1');
  open.push(server);
  return portOf(server);
}

describe('a carried port', () => {
  test('brings what is sent, whole, and the answer after the sender ended', async () => {
    const port = await carriedTo(await serve((socket) => void text(socket).then((got) => socket.end(`${got.length}`))));
    const socket = connect(port, '127.0.0.1');
    socket.end('x'.repeat(3_000_000));
    expect(await text(socket)).toBe('3000000');
  });

  test('ends who comes while nobody is there', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const free = portOf(server);
    await new Promise((resolve) => server.close(resolve));
    const socket = connect(await carriedTo(free), '127.0.0.1').resume();
    socket.on('error', () => undefined);
    await new Promise((resolve) => socket.once('close', resolve));
    expect(socket.bytesRead).toBe(0);
  });

  test('takes along the other side when one is lost', async () => {
    const { promise: ended, resolve: lost } = Promise.withResolvers<void>();
    const toPort = await serve((socket) => {
      socket.on('error', () => undefined).on('close', () => lost());
      socket.resume().write('hello');
    });
    const socket = connect(await carriedTo(toPort), '127.0.0.1');
    await once(socket, 'data');
    socket.resetAndDestroy();
    await ended;
  });
});

test.each([
  ['3306=future-mysql:3306', { port: 3306, toHost: 'future-mysql', toPort: 3306 }],
  ['3306', null],
  ['x=y:1', null],
])('reads %s', (given, wanted) => {
  expect(parseForward(given)).toEqual(wanted);
});
