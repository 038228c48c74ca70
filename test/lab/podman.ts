/** Podman with a place of its own, where no Docker engine answers: it speaks Docker's API. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { until } from '@mindora/testing/plain';
import { attempt, type CommandOptions, run } from './commands.ts';
import { labEnvironment } from './config.ts';

const startMs = 20_000;
const stopMs = 5000;
const askMs = 30_000;
const healthEveryMs = 1000;

/** Empty where the process has ended since. */
function commandOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}

/** Plain JSON from Podman's own interface. */
export class Podman {
  readonly #directory: string;
  #service: ChildProcess | undefined;

  constructor(directory: string) {
    this.#directory = directory;
  }

  get socket(): string {
    return join(this.#directory, 'podman.sock');
  }

  get environment(): Readonly<Record<string, string>> {
    return { CONTAINERS_CONF: join(this.#directory, 'containers.conf') };
  }

  async start(): Promise<void> {
    mkdirSync(this.#directory, { recursive: true, mode: 0o755 });
    writeFileSync(join(this.#directory, 'containers.conf'), this.#settings());
    rmSync(this.socket, { force: true });
    this.#service = spawn('podman', [...this.#place(), 'system', 'service', '--time', '0', `unix://${this.socket}`], {
      env: labEnvironment(this.environment),
      stdio: 'ignore',
    });
    this.#service.once('error', () => undefined);
    const answers = (): Promise<boolean> =>
      this.ask('GET', '/_ping').then(
        () => true,
        () => false,
      );
    await until(answers, startMs, 'Podman answers (Debian: podman runc netavark aardvark-dns fuse-overlayfs iptables)');
  }

  /** Ends the interface; containers go on. */
  async stop(): Promise<void> {
    const service = this.#service;
    if (service === undefined || service.exitCode !== null || service.signalCode !== null) return;
    const ended = once(service, 'exit');
    service.kill('SIGTERM');
    const force = setTimeout(() => service.kill('SIGKILL'), stopMs);
    await ended;
    clearTimeout(force);
    rmSync(this.socket, { force: true });
  }

  podman(args: readonly string[], options: CommandOptions = {}): Promise<string> {
    return run('podman', [...this.#place(), ...args], { ...options, environment: this.environment });
  }

  /** Asks the interface. @throws Error with its answer where that is a refusal */
  ask(method: string, path: string): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const asked = request({ socketPath: this.socket, method, path, timeout: askMs }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (piece: string) => {
          text += piece;
        });
        response.on('end', () => {
          if ((response.statusCode ?? 500) >= 300) reject(new Error(text));
          else resolve(text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : text);
        });
      });
      asked.on('timeout', () => asked.destroy(new Error('no answer')));
      asked.on('error', reject);
      asked.end();
    });
  }

  /**
   * Podman leaves health checks to systemd. Where that isn't, somebody has to run them: here until the work is done, for
   * containers that are not healthy yet.
   */
  async whileChecking<T>(work: () => Promise<T>): Promise<T> {
    let over = false;
    const checking = (async () => {
      while (!over) {
        await this.checkHealth('starting');
        await new Promise((resolve) => setTimeout(resolve, healthEveryMs));
      }
    })();
    try {
      return await work();
    } finally {
      over = true;
      await checking;
    }
  }

  /** Runs the health checks of all containers that are in a state. */
  async checkHealth(state: 'starting' | 'healthy' | 'unhealthy'): Promise<void> {
    const filters = encodeURIComponent(JSON.stringify({ health: [state], status: ['running'] }));
    // Between two looks a container may come or go.
    const found = await this.ask('GET', `/v4.0.0/libpod/containers/json?filters=${filters}`).catch(() => []);
    for (const { Id } of found as { Id: string }[]) {
      await this.ask('GET', `/v4.0.0/libpod/containers/${Id}/healthcheck`).catch(() => undefined);
    }
  }

  /** Podman keeps a process for each command inside a container, health checks among them, for five minutes more. */
  endMonitors(): void {
    const mark = `${join(this.#directory, 'storage')}/`;
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      const [program = '', ...args] = commandOf(pid);
      const isOurs = program.endsWith('conmon') && args.some((argument) => argument.startsWith(mark));
      if (isOurs) process.kill(Number(pid), 'SIGKILL');
    }
  }

  /** Containers, volumes, networks, images: all of it. */
  async erase(): Promise<void> {
    await this.podman(['rm', '--all', '--force', '--time', '1']);
    await this.podman(['volume', 'rm', '--all', '--force']);
    await this.podman(['network', 'prune', '--force']);
    await this.podman(['rmi', '--all', '--force']);
    await this.stop();
    // Podman mounts its own directory on itself.
    await attempt('umount', [join(this.#directory, 'storage', 'overlay')]);
  }

  #place(): string[] {
    return ['--root', join(this.#directory, 'storage'), '--runroot', join(this.#directory, 'run')];
  }

  #settings(): string {
    const runtime = existsSync('/usr/sbin/runc') ? 'runc' : 'crun';
    return [
      '[containers]',
      'default_ulimits = ["nofile=20000:20000", "nproc=20000:20000"]',
      '[engine]',
      `runtime = "${runtime}"`,
      'cgroup_manager = "cgroupfs"',
      'events_logger = "file"',
      '[network]',
      'network_backend = "netavark"',
      `network_config_dir = "${join(this.#directory, 'networks')}"`,
      '',
    ].join('\n');
  }
}
