import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { MindoraError } from '@mindora/runtime';
import { setSharedSocket, sharedSocket } from './config.ts';
import type { EngineName, RunningEngine } from './port.ts';
import type { Answer, EngineDescription, Request } from './protocol.ts';

const logLengthMax = 20_000;
const hostStartMs = 20_000;
const pollEveryMs = 20;

let hosting: Promise<string> | undefined;

/**
 * An engine that this process, its threads and its children share, started by whoever asks first and ended with the
 * process that called {@link shareEngines} (or, without that, with this one). Who stops or freezes an engine starts one
 * of its own by `startEngine` instead: others are working on this one.
 */
export async function sharedEngine(name: EngineName): Promise<RunningEngine> {
  const engine = new SharedEngine(await socketPath(), name);
  await engine.ask('start');
  return engine;
}

/** Makes this process the root of a tree that shares its engines; children inherit where to find them. */
export async function shareEngines(): Promise<void> {
  await socketPath();
}

/** Ends what is shared. Idempotent. */
export async function stopSharedEngines(): Promise<void> {
  const path = sharedSocket();
  if (path === undefined) return;
  setSharedSocket(undefined);
  hosting = undefined;
  await request(path, { name: 'redis', action: 'end' });
  if (!existsSync(join(dirname(path), 'engines'))) await rm(dirname(path), { recursive: true, force: true });
}

class SharedEngine implements RunningEngine {
  readonly name: EngineName;
  readonly #path: string;
  #description: EngineDescription | undefined;

  constructor(path: string, name: EngineName) {
    this.#path = path;
    this.name = name;
  }

  async ask(action: Request['action']): Promise<void> {
    const { engine } = await request(this.#path, { name: this.name, action });
    this.#description = engine;
  }

  get product(): string {
    return this.#known.product;
  }

  get url(): string {
    return this.#known.url;
  }

  get addresses(): Readonly<Record<string, string>> {
    return this.#known.addresses;
  }

  get pid(): number {
    return this.#known.pid;
  }

  get directory(): string {
    return this.#known.directory;
  }

  log(): string {
    return readFileSync(join(this.directory, 'engine.log'), 'utf8').slice(-logLengthMax);
  }

  stop(): Promise<void> {
    return this.ask('stop');
  }

  kill(): Promise<void> {
    return this.ask('kill');
  }

  restart(): Promise<void> {
    return this.ask('restart');
  }

  suspend(): Promise<void> {
    return this.ask('suspend');
  }

  resume(): Promise<void> {
    return this.ask('resume');
  }

  get #known(): EngineDescription {
    if (this.#description === undefined) throw new MindoraError('internal', `${this.name} was not started`);
    return this.#description;
  }
}

async function socketPath(): Promise<string> {
  const known = sharedSocket();
  if (known !== undefined) return known;
  hosting ??= startHost();
  const path = await hosting;
  setSharedSocket(path);
  return path;
}

async function startHost(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'mindora-engines-'));
  // The engines' user has to pass; the socket itself is for us alone.
  await chmod(folder, 0o711);
  const path = join(folder, 'socket');
  const module = fileURLToPath(new URL('./host.ts', import.meta.url));
  const host = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', module, path], {
    stdio: ['pipe', 'ignore', 'inherit'],
    // So that an interrupt at the terminal reaches it by its pipe only, after the tests.
    detached: true,
  });
  host.unref();
  (host.stdin as unknown as { unref(): void }).unref();
  host.stdin.on('error', () => undefined);
  const endsAt = performance.now() + hostStartMs;
  while (!existsSync(path)) {
    if (host.exitCode !== null || performance.now() > endsAt) {
      throw new MindoraError('internal', 'the process that manages shared engines did not start');
    }
    await pause(pollEveryMs);
  }
  return path;
}

/** An installation may be part of the answer, so only the end of the other side bounds the wait. */
async function request(path: string, message: Request): Promise<Answer> {
  const socket = connect({ path, allowHalfOpen: true });
  socket.end(JSON.stringify(message));
  let text = '';
  for await (const chunk of socket) text += String(chunk);
  const answer = JSON.parse(text) as Answer;
  if (answer.error !== undefined) throw new MindoraError('store_unavailable', answer.error);
  return answer;
}
