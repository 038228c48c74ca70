import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { until } from './until.ts';

const stderrLengthMax = 20_000;

/** A module that runs in a process of its own and reports by `process.send`. */
export interface Child<M> {
  /** All that it has sent so far. */
  readonly messages: readonly M[];
  send(message: NonNullable<object>): void;
  /** The first message that fits, already there or to come. @throws Error with the child's stderr where it ended */
  message(fits: (message: M) => boolean, deadlineMs?: number): Promise<M>;
  /** Ends it as a power cut would (SIGKILL); when this resolves, all that it had sent has arrived. Idempotent. */
  kill(): Promise<void>;
  /** Waits until it has ended by itself; its exit code, null where a signal ended it. */
  ended(): Promise<number | null>;
}

/** Runs a module (TypeScript or not) under the Node of this process. */
export function startChild<M>(module: URL, args: readonly string[] = []): Child<M> {
  const messages: M[] = [];
  const child = fork(fileURLToPath(module), [...args], {
    // The test runner's own flags (VM modules) aren't the child's.
    execArgv: ['--disable-warning=ExperimentalWarning'],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    serialization: 'advanced',
  });
  const stderr = tail(child);
  const closed = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
  let isOver = false;
  void closed.then(() => {
    isOver = true;
  });
  child.on('message', (message) => messages.push(message as M));
  return {
    messages,
    send: (message) => child.send(message),
    async message(fits, deadlineMs = 20_000) {
      const found = await until(
        () => messages.find(fits) ?? (isOver ? 'over' : null),
        deadlineMs,
        'a message of a child',
      );
      if (found === 'over') throw new Error(`the child ended: ${stderr()}`);
      return found as M;
    },
    async kill() {
      child.kill('SIGKILL');
      await closed;
    },
    ended: () => closed,
  };
}

function tail(child: ChildProcess): () => string {
  let text = '';
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    text = (text + chunk).slice(-stderrLengthMax);
  });
  return () => text;
}
