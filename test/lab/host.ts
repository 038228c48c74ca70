/** Who runs the lab's containers: a Docker engine that answers, or a Podman of the lab's own. */
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MindoraError } from '@mindora/runtime';
import { attempt, type CommandOptions, type Outcome, run } from './commands.ts';
import { composeCommand } from './packages.ts';
import { Podman } from './podman.ts';

export const repository: string = fileURLToPath(new URL('../../', import.meta.url));

const commandLine = join(repository, 'scripts/src/main.ts');
const project = 'mindora-lab';
const composeMs = 10 * 60_000;
const attackMs = 15 * 60_000;

/** Copies of versions/ and compose/ that the lab runs, so that what it makes never gets into the repository. */
export interface LabPlaces {
  readonly manifests: string;
  readonly compose: string;
}

export class Host {
  /** Null: a Docker engine. */
  readonly podman: Podman | null;
  readonly places: LabPlaces;
  readonly directory: string;
  readonly #compose: readonly string[];

  private constructor(directory: string, podman: Podman | null, compose: readonly string[]) {
    this.directory = directory;
    this.places = { manifests: join(directory, 'files', 'versions'), compose: join(directory, 'files', 'compose') };
    this.podman = podman;
    this.#compose = compose;
  }

  static async open(directory: string): Promise<Host> {
    const compose = await composeCommand();
    const docker = await attempt('docker', ['info', '--format', '{{.ServerVersion}}'], { timeoutMs: 10_000 });
    if (docker.code === 0 && docker.output.trim() !== '') return new Host(directory, null, compose);
    const podman = new Podman(directory);
    await podman.start();
    return new Host(directory, podman, compose);
  }

  get environment(): Readonly<Record<string, string>> {
    // Podman builds by itself; Docker's newer builder isn't asked for.
    return this.podman === null ? {} : { DOCKER_HOST: `unix://${this.podman.socket}`, DOCKER_BUILDKIT: '0' };
  }

  docker(args: readonly string[], options: CommandOptions = {}): Promise<string> {
    return run('docker', args, { ...options, environment: this.environment });
  }

  tryDocker(args: readonly string[], options: CommandOptions = {}): Promise<Outcome> {
    return attempt('docker', args, { ...options, environment: this.environment });
  }

  /** Compose with the profiles of some versions. */
  async compose(versions: readonly string[], args: readonly string[]): Promise<void> {
    const [file = '', ...first] = this.#compose;
    const profiles = versions.flatMap((name) => ['--profile', name]);
    const place = ['--project-name', project, '--file', join(this.places.compose, 'compose.yaml')];
    const work = (): Promise<string> =>
      run(file, [...first, '--progress', 'plain', ...place, ...profiles, ...args], {
        environment: this.environment,
        timeoutMs: composeMs,
      });
    await (this.podman === null ? work() : this.podman.whileChecking(work));
  }

  /** Copies what the lab runs, anew but for secrets that it made before: volumes remember those. */
  copyFiles(): void {
    const { manifests, compose } = this.places;
    rmSync(manifests, { recursive: true, force: true });
    mkdirSync(compose, { recursive: true });
    for (const name of readdirSync(compose)) {
      if (name !== 'secrets') rmSync(join(compose, name), { recursive: true });
    }
    const isSecret = /\/compose\/(secrets|shared\/secrets|\.env$|[^/]+\.env$)/;
    cpSync(join(repository, 'versions'), manifests, { recursive: true });
    cpSync(join(repository, 'compose'), compose, { recursive: true, filter: (path) => !isSecret.test(path) });
  }

  hasFiles(): boolean {
    return existsSync(join(this.places.compose, 'compose.yaml'));
  }

  /** The command line of this tree, on the lab's copies. */
  mindora(args: readonly string[]): Promise<string> {
    const { manifests, compose } = this.places;
    return run(process.execPath, [commandLine, ...args, '--manifests', manifests, '--compose', compose]);
  }

  /** Attacks versions of the lab by `mindora isolation`, with what it prints shown; its exit code. */
  async attack(versions: readonly string[]): Promise<number> {
    const docker = this.environment.DOCKER_HOST ?? 'unix:///var/run/docker.sock';
    const secrets = join(this.places.compose, 'secrets');
    // Its netavark forgets the rules between bridges when a network goes (compose/README.md).
    await this.podman?.podman(['network', 'reload', '--all']);
    // There is no data of theirs outside their containers.
    const places = ['--data', join(this.directory, 'files', 'data'), '--secrets', secrets, '--docker', docker];
    const args = [commandLine, 'isolation', '--version', ...versions, ...places];
    const { code } = await attempt(process.execPath, args, { shown: true, timeoutMs: attackMs });
    return code;
  }

  /** @throws MindoraError `conflict` where a Docker engine has volumes of these versions that are not the lab's */
  async assertNobodyElses(versions: readonly string[]): Promise<void> {
    if (this.podman !== null) return;
    for (const name of versions) {
      const filter = [
        '--filter',
        `name=mindora-${name}-`,
        '--format',
        '{{.Name}} {{.Label "com.docker.compose.project"}}',
      ];
      const others = (await this.docker(['volume', 'ls', ...filter])).split('\n').filter((line) => line.trim() !== '');
      const foreign = others.filter((line) => !line.endsWith(` ${project}`));
      if (foreign.length > 0) {
        throw new MindoraError(
          'conflict',
          `this engine has data of ${name} that is not the lab's: ${foreign.join(', ')}`,
        );
      }
    }
  }

  /** Ends what only this command needs; containers go on. */
  async close(): Promise<void> {
    await this.podman?.stop();
  }
}
