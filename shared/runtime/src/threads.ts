/**
 * Calls between threads. Each embedded store, the primary and sync live in threads of their own (rule 5), and offer
 * their port to the others: every method of the port is asynchronous and takes and gives plain values, so a proxy
 * with the same type stands in for it. Own code, because a thread that dies must reject what waits for it and come
 * back, which the general libraries for this don't do.
 */
import { MessageChannel, type MessagePort, parentPort, Worker, workerData } from 'node:worker_threads';
import { MindoraError, toMindoraError } from './errors.ts';

interface Call {
  readonly id: number;
  readonly method: string;
  readonly args: readonly unknown[];
}
interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: { code: string; message: string; data: Record<string, unknown>; stack?: string };
}

/** A port whose methods all return promises of cloneable values. */
// biome-ignore lint/suspicious/noExplicitAny: method signatures of any port
export type Callable = Record<string, (...args: any[]) => Promise<any>>;

/** Most calls that may wait for one thread; a further one is `overloaded`. */
const callsWaitingMax = 10_000;

/** Answers calls on a port with the methods of an object. Returns a function that stops. */
export function serve(port: MessagePort, service: object): () => void {
  const listener = (call: Call): void => {
    void answer(service, call).then((reply) => port.postMessage(reply));
  };
  port.on('message', listener);
  return () => port.off('message', listener);
}

async function answer(service: object, call: Call): Promise<Answer> {
  try {
    const method = (service as Record<string, unknown>)[call.method];
    if (typeof method !== 'function') throw new MindoraError('internal', `no method ${call.method}`);
    return { id: call.id, value: await method.apply(service, [...call.args]) };
  } catch (thrown) {
    const error = toMindoraError(thrown);
    const cause = error.cause instanceof Error ? error.cause : error;
    return {
      id: call.id,
      error: {
        code: error.code,
        message: error.message,
        data: { ...error.data },
        ...(cause.stack === undefined ? {} : { stack: cause.stack }),
      },
    };
  }
}

/** The calling side of one port. */
export class Caller {
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: unknown): void }>();
  readonly #name: string;
  #port: MessagePort | null = null;
  #nextId = 1;

  constructor(name: string) {
    this.#name = name;
  }

  attach(port: MessagePort): void {
    this.#port = port;
    port.on('message', (reply: Answer) => this.#settle(reply));
    port.on('close', () => this.detach(port));
    port.unref();
  }

  /** The other side is gone: what waits is rejected as `store_unavailable`, retryable. */
  detach(port: MessagePort | null = this.#port): void {
    if (port !== this.#port) return;
    this.#port = null;
    for (const { reject } of this.#waiting.values()) {
      reject(new MindoraError('store_unavailable', `${this.#name} stopped`));
    }
    this.#waiting.clear();
  }

  call(method: string, args: readonly unknown[]): Promise<unknown> {
    const port = this.#port;
    if (port === null) return Promise.reject(new MindoraError('store_unavailable', `${this.#name} is not running`));
    if (this.#waiting.size >= callsWaitingMax) {
      return Promise.reject(new MindoraError('overloaded', `${this.#name} has too many calls waiting`));
    }
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      if (this.#waiting.size === 1) port.ref();
      port.postMessage({ id, method, args } satisfies Call);
    });
  }

  #settle(reply: Answer): void {
    const waiting = this.#waiting.get(reply.id);
    if (waiting === undefined) return;
    this.#waiting.delete(reply.id);
    if (this.#waiting.size === 0) this.#port?.unref();
    if (reply.error === undefined) waiting.resolve(reply.value);
    else waiting.reject(revive(reply.error));
  }
}

function revive(error: NonNullable<Answer['error']>): MindoraError {
  const remote = new Error(error.message);
  if (error.stack !== undefined) remote.stack = error.stack;
  return toMindoraError(Object.assign(remote, { code: error.code, data: error.data }));
}

/** A stand-in for a port on the other side of a caller: every property is a method that calls. */
export function proxyOf<T extends object>(caller: Caller, constants: Partial<T> = {}): T {
  return new Proxy(constants as T, {
    get(target, property) {
      if (property in target) return target[property as keyof T];
      if (typeof property !== 'string' || property === 'then') return undefined;
      return (...args: unknown[]) => caller.call(property, args);
    },
  });
}

/** What a thread is started with: the module's own data, and the ports of what it may call, by name. */
export interface ThreadStart<T> {
  readonly data: T;
  readonly ports: Readonly<Record<string, MessagePort>>;
}

/**
 * Of a thread's heap. The young half is kept small, or each of a dozen threads would keep 48 MB for short-lived values;
 * one that needs more than the old half dies, and with it what it was at, not the process.
 */
const heapLimits = { maxYoungGenerationSizeMb: 16, maxOldGenerationSizeMb: 1024 };

export interface ThreadOptions<T> {
  readonly name: string;
  readonly module: URL;
  readonly data: T;
  /** Other threads that this one calls. */
  readonly uses?: Readonly<Record<string, Thread>>;
  /** Called when the thread ended without being told to. */
  readonly onDeath?: (error: Error) => void;
  /** Gets what libraries print to the console in the thread. Without it, this process prints that. */
  readonly onOutput?: (text: string) => void;
  /** Restarts at most this often within a minute; then the thread stays down. */
  readonly restartsPerMinuteMax?: number;
}

/**
 * A thread that serves ports. It says `ready` when it does; when it dies it is started again, callers keep their
 * proxies. A module to be run calls {@link runThread} with what it offers.
 */
export class Thread {
  readonly name: string;
  readonly #options: ThreadOptions<unknown>;
  readonly #callers = new Set<Caller>();
  readonly #deaths: number[] = [];
  /** Threads that use this one: they get a new port when it was started again. */
  readonly #users: { readonly thread: Thread; readonly as: string }[] = [];
  #worker: Worker | null = null;
  #stopping = false;

  private constructor(options: ThreadOptions<unknown>) {
    this.name = options.name;
    this.#options = options;
  }

  /** Starts the thread and waits until it is ready. @throws what the module threw while starting */
  static async start<T>(options: ThreadOptions<T>): Promise<Thread> {
    const thread = new Thread(options as ThreadOptions<unknown>);
    for (const [as, used] of Object.entries(options.uses ?? {})) used.#users.push({ thread, as });
    await thread.#spawn();
    return thread;
  }

  get running(): boolean {
    return this.#worker !== null;
  }

  /** A proxy that goes on working when the thread was started again. */
  proxy<T extends object>(constants: Partial<T> = {}): T {
    const caller = new Caller(this.name);
    this.#callers.add(caller);
    if (this.#worker !== null) this.#connect(caller, this.#worker);
    return proxyOf<T>(caller, constants);
  }

  /** A port to hand to another thread, which uses it with {@link Caller.attach}. */
  port(): MessagePort {
    const { port1, port2 } = new MessageChannel();
    this.#worker?.postMessage({ serve: port1 }, [port1]);
    return port2;
  }

  /** Tells the thread to close what it has open, waits for at most `graceMs`, then ends it. */
  async stop(graceMs = 10_000): Promise<void> {
    this.#stopping = true;
    const worker = this.#worker;
    if (worker === null) return;
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    worker.postMessage({ stop: true });
    const timer = setTimeout(() => void worker.terminate(), graceMs);
    await ended;
    clearTimeout(timer);
  }

  /** Ends the thread as a crash would; it is started again. For fault tests. */
  async kill(): Promise<void> {
    await this.#worker?.terminate();
  }

  #connect(caller: Caller, worker: Worker): void {
    const { port1, port2 } = new MessageChannel();
    worker.postMessage({ serve: port1 }, [port1]);
    caller.attach(port2);
  }

  #reintroduce(): void {
    for (const { thread, as } of this.#users) {
      const port = this.port();
      thread.#worker?.postMessage({ peer: as, port }, [port]);
    }
  }

  #spawn(): Promise<void> {
    const ports: Record<string, MessagePort> = {};
    for (const [name, thread] of Object.entries(this.#options.uses ?? {})) ports[name] = thread.port();
    const worker = new Worker(this.#options.module, {
      name: this.name,
      workerData: { data: this.#options.data, ports } satisfies ThreadStart<unknown>,
      transferList: Object.values(ports),
      resourceLimits: heapLimits,
      stdout: this.#options.onOutput !== undefined,
      stderr: this.#options.onOutput !== undefined,
    });
    if (this.#options.onOutput !== undefined) {
      for (const stream of [worker.stdout, worker.stderr])
        stream.setEncoding('utf8').on('data', this.#options.onOutput);
    }
    return new Promise((resolve, reject) => {
      let failure: Error = new Error(`thread ${this.name} ended`);
      worker.on('error', (error) => {
        failure = error as Error;
      });
      worker.once('exit', () => {
        reject(failure);
        this.#died(worker, failure);
      });
      worker.on('message', (message: { ready?: boolean }) => {
        if (message.ready !== true) return;
        this.#worker = worker;
        for (const caller of this.#callers) this.#connect(caller, worker);
        if (this.#deaths.length > 0) this.#reintroduce();
        resolve();
      });
    });
  }

  #died(worker: Worker, failure: Error): void {
    if (this.#worker !== worker) return;
    this.#worker = null;
    for (const caller of this.#callers) caller.detach();
    this.#restart(failure);
  }

  /** Also after a start that failed: what keeps it from starting may pass. */
  #restart(failure: Error): void {
    if (this.#stopping) return;
    this.#options.onDeath?.(failure);
    const now = performance.now();
    this.#deaths.push(now);
    while ((this.#deaths[0] ?? now) < now - 60_000) this.#deaths.shift();
    if (this.#deaths.length > (this.#options.restartsPerMinuteMax ?? 10)) return;
    this.#spawn().catch((error: unknown) => this.#restart(error as Error));
  }
}

/** The other threads that a thread may call, by name. */
export type Peers = Readonly<Record<string, Caller>>;

/**
 * Runs in a thread: makes the service, serves it to whoever connects, closes it on request.
 *
 * @param start gets the data the thread was started with, and the callers of the threads that it uses
 */
export async function runThread<T>(
  start: (data: T, peers: Peers) => Promise<{ service: object; close(): Promise<void> }>,
): Promise<void> {
  const parent = parentPort;
  if (parent === null) throw new Error('not in a thread');
  const { data, ports } = workerData as ThreadStart<T>;
  const peers: Record<string, Caller> = {};
  for (const [name, port] of Object.entries(ports)) {
    const caller = new Caller(name);
    caller.attach(port);
    peers[name] = caller;
  }
  const { service, close } = await start(data, peers);
  parent.on('message', (message: { serve?: MessagePort; peer?: string; port?: MessagePort; stop?: boolean }) => {
    if (message.serve !== undefined) serve(message.serve, service);
    if (message.peer !== undefined && message.port !== undefined) peers[message.peer]?.attach(message.port);
    if (message.stop === true) void close().finally(() => process.exit(0));
  });
  parent.postMessage({ ready: true });
}
