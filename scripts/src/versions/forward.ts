/**
 * Carries connections from a port to another host's: how the engines' ports come to the host while the engines
 * themselves are on a network without a way in or out.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';

export interface Forward {
  readonly port: number;
  readonly toHost: string;
  readonly toPort: number;
}

/** Of each port; more are for those inside. */
const connectionsMax = 64;
const connectMs = 3000;

/** Reads `3306=future-mysql:3306`; null where it isn't one. */
export function parseForward(text: string): Forward | null {
  const [, port, toHost, toPort] = /^(\d{1,5})=([a-z0-9.-]+):(\d{1,5})$/.exec(text) ?? [];
  return toHost === undefined ? null : { port: Number(port), toHost, toPort: Number(toPort) };
}

/** Listens, and resolves to what ends it. */
export async function forward({ port, toHost, toPort }: Forward, host?: string): Promise<Server> {
  // Either side may go on sending after the other has said that it ends.
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ host: toHost, port: toPort, allowHalfOpen: true });
    far.setTimeout(connectMs, () => far.destroy());
    far.once('connect', () => far.setTimeout(0));
    bind(near, far);
    bind(far, near);
  });
  server.maxConnections = connectionsMax;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return server;
}

/** What comes from one goes to the other, at the other's pace; whoever is lost takes the other along. */
function bind(from: Socket, to: Socket): void {
  from.pipe(to);
  from.on('error', () => to.resetAndDestroy());
  from.on('close', () => {
    if (!from.readableEnded) to.resetAndDestroy();
  });
}
