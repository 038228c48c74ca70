import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseEnv } from 'node:util';
import { MindoraError } from '@mindora/runtime';
import type { Run } from '../definition.ts';
import { type EngineName, engineNames } from '../port.ts';
import { freePorts, isFree } from '../ports.ts';
import { definitionOf } from '../products/index.ts';
import { provision } from './accounts.ts';
import type { EngineCommand } from './commands.ts';
import { planOf, type VersionPlan } from './plan.ts';
import { writeAddresses } from './records.ts';

const composeFile = fileURLToPath(new URL('../../../../../compose/engines.yaml', import.meta.url));
const answerMs = 10_000;
/** Images may have to be fetched. */
const startMs = 20 * 60_000;

const settingsFile = (directory: string): string => join(directory, 'compose.env');

/** Ports that a product has beside its own, as compose/engines.yaml publishes them. */
const furtherPorts: Readonly<Partial<Record<EngineName, string>>> = {
  neo4j: 'http',
  weaviate: 'grpc',
  nats: 'monitoring',
  rabbitmq: 'management',
};

/** Whether a Docker engine with Compose answers. */
export async function dockerAnswers(): Promise<boolean> {
  for (const args of [['info'], ['compose', 'version']]) {
    if (!(await docker(args, 'ignore', answerMs).catch(() => false))) return false;
  }
  return true;
}

/** Whether this version's engines are containers. */
export function usesDocker(directory: string): boolean {
  return existsSync(settingsFile(directory));
}

/** The same as without Docker, with the products themselves: MySQL wherever MariaDB stood in. */
export async function upByDocker(command: EngineCommand): Promise<void> {
  const { directory, version, tell } = command;
  const names = command.names.map((name) => (name === 'mariadb' ? 'mysql' : name));
  const settings = await settingsOf(directory, planOf(version));
  tell(`docker compose: starting ${names.join(', ')} ...`);
  await compose(command, ['up', '--detach', '--wait', ...names], startMs);
  const addresses: Record<string, string> = {};
  for (const name of names) {
    const run = runOf(name, directory, settings);
    const { url, addresses: further } = definitionOf(name);
    const engine = { url: url(run), addresses: further?.(run) ?? {} };
    Object.assign(addresses, await provision[name](engine, planOf(version)));
  }
  await writeAddresses(directory, addresses);
  tell(`addresses: ${join(directory, 'engines.env')}`);
}

/** `stop` and `ps` of Compose; a false answer means that it failed. */
export async function compose(
  { directory, version }: Pick<EngineCommand, 'directory' | 'version'>,
  args: readonly string[],
  timeoutMs = 120_000,
): Promise<void> {
  const project = ['compose', '-p', `mindora-engines-${version}`, '-f', composeFile];
  const done = await docker([...project, '--env-file', settingsFile(directory), ...args], 'inherit', timeoutMs);
  if (!done) throw new MindoraError('internal', `docker compose ${args[0]} failed`);
}

async function docker(args: readonly string[], output: 'ignore' | 'inherit', timeout: number): Promise<boolean> {
  const child = spawn('docker', args, { stdio: ['ignore', output, output], timeout });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code === 0;
}

/** Made once, so that passwords and ports stay: the volumes remember them. */
async function settingsOf(directory: string, plan: VersionPlan): Promise<NodeJS.Dict<string>> {
  const file = settingsFile(directory);
  if (!existsSync(file)) {
    const groups = await Promise.all(
      engineNames.filter((name) => name !== 'mariadb' && name !== 'embeddings').map((name) => linesOf(name, plan)),
    );
    await writeFile(file, `${groups.flat().join('\n')}\n`, { mode: 0o600 });
  }
  return parseEnv(readFileSync(file, 'utf8'));
}

async function linesOf(name: EngineName, plan: VersionPlan): Promise<string[]> {
  const [free, further] = await freePorts(2);
  const wanted = plan.ports[name];
  const port = wanted !== undefined && (await isFree(wanted)) ? wanted : free;
  const prefix = name.toUpperCase();
  const lines = [`${prefix}_PASSWORD=${randomBytes(16).toString('hex')}`, `${prefix}_PORT=${port}`];
  const second = furtherPorts[name];
  return second === undefined ? lines : [...lines, `${prefix}_${second.toUpperCase()}_PORT=${further}`];
}

function runOf(name: EngineName, directory: string, settings: NodeJS.Dict<string>): Run {
  const prefix = name.toUpperCase();
  const second = furtherPorts[name];
  const ports = second === undefined ? {} : { [second]: Number(settings[`${prefix}_${second.toUpperCase()}_PORT`]) };
  const port = Number(settings[`${prefix}_PORT`]);
  return { directory, files: '', port, ports, password: settings[`${prefix}_PASSWORD`] ?? '', settings: {} };
}
