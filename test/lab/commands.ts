/** Programs that the lab runs. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { MindoraError } from '@mindora/runtime';
import { labEnvironment } from './config.ts';

export interface CommandOptions {
  readonly cwd?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  /** Shown as it comes, and not kept. */
  readonly shown?: boolean;
  readonly input?: string;
}

export interface Outcome {
  readonly code: number;
  readonly output: string;
  readonly errors: string;
}

const defaultMs = 120_000;
const keptLengthMax = 4_000_000;
const toldLength = 2000;

/** Runs a program to its end, whatever that is. */
export async function attempt(file: string, args: readonly string[], options: CommandOptions = {}): Promise<Outcome> {
  const { cwd, environment = {}, timeoutMs = defaultMs, shown = false, input } = options;
  const child = spawn(file, args, {
    ...(cwd === undefined ? {} : { cwd }),
    env: labEnvironment(environment),
    stdio: [input === undefined ? 'ignore' : 'pipe', shown ? 2 : 'pipe', shown ? 2 : 'pipe'],
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
  });
  const output = textOf(child.stdout);
  const errors = textOf(child.stderr);
  child.stdin?.end(input);
  try {
    const [code] = (await once(child, 'close')) as [number | null];
    return { code: code ?? -1, output: output(), errors: errors() };
  } catch (error) {
    return { code: -1, output: '', errors: `${file}: ${(error as Error).message}` };
  }
}

function textOf(stream: NodeJS.ReadableStream | null): () => string {
  let text = '';
  stream?.setEncoding('utf8').on('data', (piece: string) => {
    if (text.length < keptLengthMax) text += piece;
  });
  return () => text;
}

/** What a program wrote. @throws MindoraError where it failed, with the end of what it said */
export async function run(file: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  const { code, output, errors } = await attempt(file, args, options);
  if (code === 0) return output;
  const said = (errors.trim() === '' ? output : errors).trim().slice(-toldLength);
  throw new MindoraError('internal', `${file} ${args.slice(0, 3).join(' ')} ended with ${code}: ${said}`);
}
