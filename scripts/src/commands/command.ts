import { type ErrorCode, errorTable } from '@mindora/contracts';
import { MindoraError } from '@mindora/runtime';
import { ProblemError } from '@mindora/sdk';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Config, loadConfig, versionNames } from '../config.ts';
import { connect, type Operations } from '../operations.ts';
import { type Progress, paint, printJson, progress, tell } from '../output.ts';

/** Exit codes that every command shares; its help says more. */
export const exitCodes = { ok: 0, failed: 1, unchecked: 2 } as const;

export interface CommonFlags {
  readonly version: string;
  readonly data: string;
  readonly json?: boolean;
}

/** Reads an option's number. The message names no more than the bounds: commander adds option and value. */
export function numberBetween(min: number, max: number, whole = false): (text: string) => number {
  return (text) => {
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (value >= min && value <= max && (!whole || Number.isInteger(value))) return value;
    throw new InvalidArgumentError(`Give a ${whole ? 'whole ' : ''}number from ${min} to ${max}.`);
  };
}

/** Adds the options of every command that concerns a version. */
export function withVersion(command: Command): Command {
  return command
    .addOption(new Option('--version <name>', 'version to work on').choices(versionNames()).default('future'))
    .option('--data <dir>', 'directory that holds the data of all versions', './data');
}

export function withJson(command: Command): Command {
  return withVersion(command).option('--json', 'print JSON for programs', false);
}

/**
 * Runs a command against a version and sets the exit code that it returns. A failure is told in one line (or as a
 * problem with `--json`), never with a stack.
 */
export async function withOperations(
  flags: CommonFlags,
  run: (operations: Operations, config: Config) => Promise<number>,
  onError: number = exitCodes.failed,
): Promise<void> {
  let operations: Operations | null = null;
  try {
    const config = loadConfig(flags);
    operations = await connect(config);
    process.exitCode = await run(operations, config);
  } catch (error) {
    reportError(error, flags.json === true);
    process.exitCode = onError;
  } finally {
    await operations?.close();
  }
}

export function reportError(error: unknown, json: boolean): void {
  const code = errorCodeOf(error);
  const detail = error instanceof Error ? error.message : String(error);
  if (json) printJson({ status: 'error', code, title: errorTable[code].title, detail });
  else tell(`${paint('red', 'error')} ${code}: ${detail}`);
  if (code === 'internal' && error instanceof Error && !json) tell(String(error.cause ?? error.stack));
}

function errorCodeOf(error: unknown): ErrorCode {
  return error instanceof MindoraError || error instanceof ProblemError ? error.code : 'internal';
}

interface JobView {
  readonly id: string;
  readonly state: 'running' | 'done' | 'failed';
  readonly progress: { done?: number; total?: number; text?: string } | null;
  readonly result: Record<string, unknown> | null;
  readonly problem: { code: ErrorCode; detail: string } | null;
}

const jobWaitMs = 1000;

/** Starts a job, shows its progress, and returns its result. @throws MindoraError with the job's problem */
export async function runJob(
  operations: Operations,
  action: string,
  body: object,
  title: string,
  quiet: boolean,
): Promise<Record<string, unknown>> {
  const shown: Progress = quiet ? { update: () => undefined, end: () => undefined } : progress(title);
  let job = (await operations.call(action, { body })).job as JobView;
  while (job.state === 'running') {
    const { done = 0, total = 0, text } = job.progress ?? {};
    shown.update(done, total, text);
    const input = { params: { job_id: job.id }, query: { wait_ms: jobWaitMs } };
    job = (await operations.call('sync.job', input)).job as JobView;
  }
  shown.end();
  if (job.problem !== null) throw new MindoraError(job.problem.code, job.problem.detail);
  return job.result ?? {};
}
