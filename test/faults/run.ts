import { cp, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Role } from '@mindora/contracts';
import { MindoraClient } from '@mindora/sdk';
import { until } from '@mindora/testing/plain';
import { type LaunchedVersion, launchVersion, mindora, type RunningVersion, whenReady } from '../support/version.ts';
import type { Chance } from './chance.ts';
import { Model, Violation } from './model.ts';
import { Writer } from './writer.ts';

const writerCount = 4;
const loadDeadlineMs = 120_000;

/** Roles that keep files: what the cache has is lost with the process anyway. */
export const storesWithFiles: readonly Role[] = ['relational', 'documents', 'fulltext', 'graph', 'vectors', 'personal'];

/** What of a version's files may be lost: a store, or the bus. */
export type Losable = Role | 'bus';

interface Load {
  readonly done: Promise<void>;
  stop(): void;
}

export interface VerifyResult {
  readonly code: number | null;
  readonly output: string;
}

/** One seed's version with its writers and what they know. */
export class Run {
  readonly model = new Model();
  readonly erased = new Set<string>();
  readonly users: readonly string[];
  readonly #data: string;
  readonly #writers: readonly Writer[];
  #acknowledged = 0;
  #launched: LaunchedVersion | null = null;
  #running: RunningVersion | null = null;
  #load: Load | null = null;

  /** `data` is an empty directory. */
  constructor(data: string, chance: Chance) {
    this.#data = data;
    this.#writers = Array.from({ length: writerCount }, (_, number) => new Writer(number, chance.fork()));
    this.users = this.#writers.flatMap(({ users }) => users);
  }

  get client(): MindoraClient {
    if (this.#running === null) throw new Error('the version is not running');
    return new MindoraClient({ url: this.#running.url, apiKey: this.#running.adminKey, attempts: 1 });
  }

  /** A path in the version's directory. */
  file(name: string): string {
    return join(this.#data, 'future', name);
  }

  get directory(): string {
    return this.#data;
  }

  async start(): Promise<void> {
    if (this.#running !== null) return;
    this.#running = await whenReady(this.#data, this.launch());
  }

  /** Starts it and returns at once. */
  launch(): LaunchedVersion {
    this.#launched = launchVersion(this.#data, { logLevel: 'warn' });
    return this.#launched;
  }

  /** Ends it as a power cut would. */
  async kill(): Promise<void> {
    this.#launched?.kill();
    await this.#ended();
  }

  /** @throws Violation where it doesn't end with 0 */
  async terminate(): Promise<void> {
    const code = await this.#launched?.stop();
    await this.#ended();
    if (code !== 0) throw new Violation(`SIGTERM was answered by exit code ${code}`);
  }

  async #ended(): Promise<void> {
    const log = this.#launched?.log() ?? '';
    await this.#launched?.ended;
    this.#launched = null;
    this.#running = null;
    if (/"level":60/.test(log) || /unhandled/i.test(log)) throw new Violation(`its log: ${log.slice(-2000)}`);
  }

  /** Lets all writers write, until {@link endLoad} or until the version doesn't answer. */
  beginLoad(): void {
    let isStopped = false;
    const { client, model, erased } = this;
    const onAcknowledged = (): void => {
      this.#acknowledged++;
    };
    const target = { client, primary: this.file('primary.sqlite'), model, erased, onAcknowledged };
    const done = Promise.all(this.#writers.map((writer) => writer.run(target, () => isStopped))).then(() => undefined);
    // What it throws is told at the end of the load.
    done.catch(() => undefined);
    this.#load = {
      done,
      stop: () => {
        isStopped = true;
      },
    };
  }

  /** Waits until so many further writes were acknowledged. */
  async acknowledged(count: number): Promise<void> {
    const wanted = this.#acknowledged + count;
    let isOver = false;
    const end = (): void => {
      isOver = true;
    };
    void this.#load?.done.then(end, end);
    await until(() => isOver || this.#acknowledged >= wanted, loadDeadlineMs, 'writes to be acknowledged');
  }

  /** @throws Violation that a writer met */
  async endLoad(): Promise<void> {
    this.#load?.stop();
    await this.#load?.done;
    this.#load = null;
  }

  /** Writes so much and stops. */
  async write(count: number): Promise<void> {
    this.beginLoad();
    await this.acknowledged(count);
    await this.endLoad();
  }

  async verify(...args: readonly string[]): Promise<VerifyResult> {
    const { code, output, error } = await mindora(this.#data, ['verify', '--json', ...args]);
    return { code, output: output + error };
  }

  /** Starts a job and doesn't wait for it. */
  async startJob(action: 'sync.verify' | 'sync.rebuild' | 'sync.erase', body: object): Promise<void> {
    await this.client.call(action, { body });
  }

  /** Removes a user as an operator does, to the end. @throws Violation */
  async erase(user: string): Promise<void> {
    const { code, output, error } = await mindora(this.#data, ['erase', '--user', user, '--json']);
    if (code !== 0) throw new Violation(`erasure of ${user} ended with ${code}: ${output}${error}`);
  }

  /** Removes a store's files (or the bus), of a version that doesn't run. */
  async lose(what: Losable): Promise<void> {
    for (const path of this.#pathsOf(what)) await rm(path, { recursive: true, force: true });
  }

  /** Copies a store's files; the result puts them back in place of what is there then. */
  async copy(what: Losable): Promise<() => Promise<void>> {
    const folder = join(this.#data, `copy-of-${what}-${this.#acknowledged}`);
    await mkdir(folder);
    const paths = this.#pathsOf(what);
    const copies = paths.map((_, index) => join(folder, String(index)));
    const move = (from: readonly string[], to: readonly string[]): Promise<unknown> =>
      Promise.all(from.map((path, index) => copyIfThere(path, to[index] ?? '')));
    await move(paths, copies);
    return async () => {
      await this.lose(what);
      await move(copies, paths);
      await rm(folder, { recursive: true });
    };
  }

  #pathsOf(what: Losable): string[] {
    if (what === 'personal') return [this.file('personal')];
    const file = what === 'bus' ? this.file('bus.sqlite') : this.file(`stores/${what}.sqlite`);
    return ['', '-wal', '-shm'].map((suffix) => file + suffix);
  }

  async close(): Promise<void> {
    this.#load?.stop();
    this.#launched?.kill();
    await this.#launched?.ended;
    await this.#load?.done.catch(() => undefined);
  }
}

async function copyIfThere(from: string, to: string): Promise<void> {
  await cp(from, to, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
}
