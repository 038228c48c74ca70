/** The container that has a version's ports on the host: `forward-main.ts HEALTH_PORT PORT=HOST:PORT ...`. */
import { createServer } from 'node:net';
// Nothing else of ours: with what that brings along, the memory that this container has would be nearly full at rest.
import { forward, parseForward } from './forward.ts';

const [healthPort = '', ...texts] = process.argv.slice(2);
for (const text of texts) {
  const one = parseForward(text);
  if (one === null) throw new TypeError(`not PORT=HOST:PORT: ${text}`);
  await forward(one);
}
// Whoever looks at an engine's own port would be a broken client to it.
createServer((socket) => socket.destroy()).listen(Number(healthPort), '127.0.0.1');
process.once('SIGTERM', () => process.exit(0));
