import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { MindoraError } from '@mindora/runtime';
import type { EngineDefinition, Run } from './definition.ts';
import { installed } from './install.ts';
import type { EngineName, EngineOptions, RunningEngine } from './port.ts';
import { preparation } from './preparation.ts';
import { endWithin, processTree, type Supervised, signal, startSupervised } from './processes.ts';
import { definitionOf } from './products/index.ts';
import { makeDirectory, nextState, writeState } from './state.ts';

const stopTimeoutMs = 20_000;
/** Clients have timeouts, but not all of them for each step. */
const askTimeoutMs = 5_000;
const pollEveryMs = 50;
const logLengthMax = 20_000;
const portAttemptsMax = 3;
const portTaken = /address already in use|eaddrinuse|bind.*(failed|error|in use)|port.*(in use|taken)/i;

export interface LaunchOptions extends EngineOptions {
  /** Goes on when this process ends. */
  readonly detached?: boolean;
}

/**
 * Starts an engine, installing it where it is missing, and waits until it answers. It ends with this process, however
 * that ends, unless it is detached.
 *
 * @throws MindoraError `store_unavailable` with the end of its log and the log's path
 */
export async function startEngine(name: EngineName, options: LaunchOptions = {}): Promise<RunningEngine> {
  const definition = definitionOf(name);
  const files = await installed(definition);
  const isTemporary = options.directory === undefined;
  const directory = isTemporary ? await mkdtemp(join(tmpdir(), `mindora-${name}-`)) : resolve(options.directory);
  await makeDirectory(directory);
  const engine = new LaunchedEngine(definition, files, directory, isTemporary, options);
  await engine.start();
  return engine;
}

class LaunchedEngine implements RunningEngine {
  readonly directory: string;
  readonly #definition: EngineDefinition;
  readonly #files: string;
  readonly #isTemporary: boolean;
  readonly #options: LaunchOptions;
  #run: Run | undefined;
  #process: Supervised | undefined;
  #product = '';
  #isGone = false;

  constructor(
    definition: EngineDefinition,
    files: string,
    directory: string,
    isTemporary: boolean,
    options: LaunchOptions,
  ) {
    this.#definition = definition;
    this.#files = files;
    this.directory = directory;
    this.#isTemporary = isTemporary;
    this.#options = options;
  }

  get name(): EngineName {
    return this.#definition.name;
  }

  get product(): string {
    return this.#product;
  }

  get url(): string {
    return this.#definition.url(this.#current);
  }

  get addresses(): Readonly<Record<string, string>> {
    return this.#definition.addresses?.(this.#current) ?? {};
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  log(): string {
    // One that failed before its process began has none.
    return existsSync(this.#logFile) ? readFileSync(this.#logFile, 'utf8').slice(-logLengthMax) : '';
  }

  /** Tries other ports where somebody took one between our look and the engine's. */
  async start(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#startOnce();
      } catch (error) {
        const mayMove = this.#options.port === undefined;
        // Some write a long trace after the line that says so.
        const told = `${error} ${this.log().slice(-logLengthMax / 2)}`;
        if (attempt >= portAttemptsMax || !mayMove || !portTaken.test(told)) throw error;
      }
    }
  }

  async stop(): Promise<void> {
    if (this.#process !== undefined && !this.#process.isOver()) {
      await this.resume();
      signal(this.pid, this.#definition.stopSignal ?? 'SIGTERM');
      await endWithin(this.#process, stopTimeoutMs);
      await this.#endByForce();
    }
    if (!this.#isTemporary) return;
    this.#isGone = true;
    await rm(this.directory, { recursive: true, force: true, maxRetries: 3 });
  }

  async kill(): Promise<void> {
    await this.#endByForce();
  }

  async restart(): Promise<void> {
    if (this.#isGone) {
      throw new MindoraError('internal', `the data of ${this.name} went with it; give it a directory to restart it`);
    }
    if (this.#process !== undefined && !this.#process.isOver()) {
      throw new MindoraError('internal', `${this.name} is running; stop or kill it first`);
    }
    await this.#startOnce(this.#current.port);
  }

  async suspend(): Promise<void> {
    const tree = await processTree(this.pid);
    await writeFile(this.#frozenFile, tree.join(' '));
    for (const pid of tree) signal(pid, 'SIGSTOP');
  }

  async resume(): Promise<void> {
    for (const pid of await processTree(this.pid)) signal(pid, 'SIGCONT');
    await writeFile(this.#frozenFile, '');
  }

  get #current(): Run {
    if (this.#run === undefined) throw new MindoraError('internal', `${this.name} was never started`);
    return this.#run;
  }

  get #logFile(): string {
    return join(this.directory, 'engine.log');
  }

  get #frozenFile(): string {
    return join(this.directory, 'frozen.pids');
  }

  async #endByForce(): Promise<void> {
    const running = this.#process;
    if (running === undefined || running.isOver()) return;
    for (const pid of await processTree(running.pid)) signal(pid, 'SIGKILL');
    if (!(await endWithin(running, stopTimeoutMs))) {
      throw new MindoraError('internal', `${this.name} (process ${running.pid}) can't be ended`);
    }
  }

  async #startOnce(port = this.#options.port): Promise<void> {
    const state = await nextState(this.#definition, this.directory, port);
    const run: Run = {
      ...state,
      directory: this.directory,
      files: this.#files,
      settings: this.#options.settings ?? {},
    };
    this.#run = run;
    await writeState(this.directory, state);
    const prepare = preparation(this.directory);
    if (!state.prepared) await this.#definition.prepare?.(run, prepare);
    await writeState(this.directory, { ...state, prepared: true });
    await this.#definition.configure?.(run, prepare);
    this.#process = await this.#spawn(run);
    await this.#untilReady(run, this.#process);
  }

  async #spawn(run: Run): Promise<Supervised> {
    const companion = this.#definition.companion?.(run);
    const log = openSync(this.#logFile, 'a', 0o600);
    try {
      return await startSupervised(this.#definition.command(run), {
        directory: this.directory,
        log,
        frozen: this.#frozenFile,
        ...(companion === undefined ? {} : { companion }),
        watched: this.#options.detached !== true,
      });
    } finally {
      closeSync(log);
    }
  }

  async #untilReady(run: Run, running: Supervised): Promise<void> {
    const endsAt = performance.now() + this.#definition.startTimeoutMs;
    let reason: unknown;
    while (performance.now() < endsAt && !running.isOver()) {
      try {
        this.#product = await within(this.#definition.ask(run), askTimeoutMs);
        return;
      } catch (error) {
        reason = error;
        await pause(pollEveryMs);
      }
    }
    const what = running.isOver() ? 'ended at once' : `did not answer in ${this.#definition.startTimeoutMs} ms`;
    await this.#endByForce();
    throw new MindoraError('store_unavailable', this.#failure(what), { cause: reason });
  }

  #failure(what: string): string {
    const lines = this.log().trim().split('\n').slice(-10).join('\n');
    return `${this.name} ${what}; its log is ${this.#logFile}:\n${lines}`;
  }
}

async function within<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
