/** `npm run engines -- install|up|down|status [names] [--data DIR] [--version future] [--bus nats|rabbitmq] [--with docker|packages]` */

import { writeSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { MindoraError } from '@mindora/runtime';
import { type EngineName, engineNames } from '../port.ts';
import { down, type EngineCommand, install, status, up } from './commands.ts';
import { compose, dockerAnswers, upByDocker, usesDocker } from './docker.ts';
import { defaultEngines } from './plan.ts';

const usage =
  'npm run engines -- install|up|down|status [names] [--data DIR] [--version future] [--bus nats|rabbitmq]\n' +
  '  [--with docker|packages]';

const help = `${usage}

  install   put what the engines are made of in the cache; nothing starts
  up        start them with a data directory and free ports of their own, on loopback, and write their addresses to
            DATA/VERSION/engines.env
  down      stop them; their data stays
  status    ports, processes and memory

  names      of ${engineNames.slice(0, 6).join(', ')},
             ${engineNames.slice(6).join(', ')}; all that a version needs where none is named
  --data     the directory that holds the data of all versions (default ./data)
  --version  whose engines (default future)
  --bus      what carries the changes (default nats)
  --with     docker, packages, or any: Docker where it answers (default)`;

const tell = (line: string): void => void writeSync(2, `engines: ${line}\n`);
const print = (line: string): void => void writeSync(1, `${line}\n`);

interface Invocation extends EngineCommand {
  /** docker, packages, or any: Docker where it answers. */
  readonly with: string;
}

const actions: Readonly<Record<string, (command: Invocation) => Promise<boolean>>> = {
  install: (command) => install(command).then(() => true),
  async up(command) {
    const byDocker = usesDocker(command.directory) || (command.with !== 'packages' && (await dockerAnswers()));
    await (byDocker ? upByDocker(command) : up(command));
    return true;
  },
  async down(command) {
    await (usesDocker(command.directory) ? compose(command, ['stop']) : down(command));
    return true;
  },
  async status(command) {
    if (!usesDocker(command.directory)) return status(command, print);
    await compose(command, ['ps']);
    return true;
  },
};

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      data: { type: 'string', default: './data' },
      version: { type: 'string', default: 'future' },
      bus: { type: 'string', default: 'nats' },
      with: { type: 'string', default: 'any' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
}

/** All engines where nothing runs yet that would be told apart by a choice. */
function namesFor(action: string, given: readonly string[], bus: string): readonly EngineName[] {
  const unknown = given.filter((name) => !(engineNames as readonly string[]).includes(name));
  if (unknown.length > 0) {
    throw new MindoraError('invalid_request', `no engine ${unknown.join(', ')}; there are ${engineNames.join(', ')}`);
  }
  if (given.length > 0) return given as readonly EngineName[];
  if (action !== 'up') return engineNames;
  return defaultEngines.map((name) => (name === 'nats' && bus === 'rabbitmq' ? 'rabbitmq' : name));
}

async function run(args: readonly string[]): Promise<boolean> {
  const { values, positionals } = parse(args);
  const [name = '', ...given] = positionals;
  if (values.help) {
    print(help);
    return true;
  }
  const action = actions[name];
  if (
    action === undefined ||
    !/^[a-z][a-z0-9_]{0,30}$/.test(values.version) ||
    !/^(nats|rabbitmq)$/.test(values.bus) ||
    !/^(any|docker|packages)$/.test(values.with)
  ) {
    throw new MindoraError('invalid_request', usage);
  }
  const directory = join(resolve(values.data), values.version);
  if (name === 'up') await mkdir(directory, { recursive: true });
  return action({
    names: namesFor(name, given, values.bus),
    version: values.version,
    with: values.with,
    directory,
    tell,
  });
}

try {
  if (!(await run(process.argv.slice(2)))) process.exitCode = 1;
} catch (error) {
  tell(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
