/** A bash that is given its commands piece by piece, as a person types them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { until } from '@mindora/testing/plain';
import { environmentWith } from './config.ts';

const deadlineMs = 60_000;

export class Shell {
  readonly #child: ChildProcess;
  #output = '';
  #errors = '';
  #pieces = 0;

  constructor(directory: string, environment: Readonly<Record<string, string>>) {
    this.#child = spawn('bash', ['--noprofile', '--norc'], {
      cwd: directory,
      env: environmentWith(environment),
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#output += text;
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#errors += text;
    });
  }

  /** Runs commands; what they wrote to standard output. */
  async run(commands: string): Promise<string> {
    this.#pieces += 1;
    const mark = `@@ end of piece ${this.#pieces}\n`;
    this.#output = '';
    this.#errors = '';
    this.#child.stdin?.write(`${commands}\nprintf '%s' '${mark}'\n`);
    await until(
      async () => this.#output.endsWith(mark),
      deadlineMs,
      () => `the end of: ${commands}\n${this.#output}\n${this.#errors}`,
    );
    return this.#output.slice(0, -mark.length);
  }

  end(): void {
    this.#child.kill();
  }
}
