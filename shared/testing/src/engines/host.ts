import { chmod, mkdir, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { startEngine } from './launch.ts';
import type { EngineName, RunningEngine } from './port.ts';
import { type Answer, describe, type Request } from './protocol.ts';

/**
 * The process that manages a tree's shared engines: each is started once, by whoever asks first. It ends when its
 * standard input does, which is a pipe from the process at the root of the tree, and all engines with it.
 * Argument: the path of its socket; the engines' directories lie beside it.
 */
class Host {
  readonly #folder: string;
  readonly #starting = new Map<EngineName, Promise<RunningEngine>>();
  /** Where a start failed, its log stays. */
  #isKept = false;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async answer({ name, action }: Request): Promise<Answer> {
    if (action === 'end') {
      await this.end();
      return {};
    }
    const engine = await this.#engine(name);
    if (action !== 'start') await engine[action]();
    return { engine: describe(engine) };
  }

  /** Nobody needs the data, so the engines needn't save it. */
  async end(): Promise<void> {
    for (const start of this.#starting.values()) {
      const engine = await start.catch(() => null);
      await engine?.kill();
    }
    if (!this.#isKept) await rm(this.#folder, { recursive: true, force: true, maxRetries: 3 });
  }

  #engine(name: EngineName): Promise<RunningEngine> {
    const known = this.#starting.get(name);
    if (known !== undefined) return known;
    const start = this.#start(name);
    this.#starting.set(name, start);
    start.catch(() => {
      this.#isKept = true;
      this.#starting.delete(name);
    });
    return start;
  }

  async #start(name: EngineName): Promise<RunningEngine> {
    await mkdir(this.#folder, { recursive: true });
    // The engines' user has to pass.
    await chmod(this.#folder, 0o711);
    return startEngine(name, { directory: join(this.#folder, name) });
  }
}

async function serve(host: Host, socket: Socket): Promise<void> {
  let text = '';
  for await (const chunk of socket) text += String(chunk);
  const request = JSON.parse(text) as Request;
  const answer = await host.answer(request).catch((error: Error): Answer => ({ error: error.message }));
  socket.end(JSON.stringify(answer));
  if (request.action === 'end') socket.once('close', () => process.exit(0));
}

const path = process.argv[2] ?? '';
const host = new Host(join(dirname(path), 'engines'));
const server = createServer({ allowHalfOpen: true }, (socket) => {
  // A caller that went away needs no answer.
  serve(host, socket).catch(() => socket.destroy());
});
server.listen({ path });
process.stdin.resume().once('end', () => {
  void host
    .end()
    .then(() => rm(dirname(path), { recursive: true, force: true }))
    .finally(() => process.exit(0));
});
