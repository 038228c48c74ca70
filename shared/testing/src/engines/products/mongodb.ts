import { MongoClient } from 'mongodb';
import type { Command, EngineDefinition, Run } from '../definition.ts';
import { pipInstall, python } from './python.ts';
import { untilAnswers } from './waiting.ts';

const version = '0.7.0b3';

/** What it imports, at the versions that it was tried with. */
const packages = [
  `secantusdb==${version}`,
  'pymongo==4.20.0',
  'dnspython==2.9.2',
  'python-dateutil==4.0.0',
  's2sphere==0.2.5',
  'future==1.0.0',
  'shapely==2.2.0',
  'numpy==2.4.6',
];

function command(run: Run, args: readonly string[]): Command {
  const start = 'import sys; from secantus.cli import main; sys.exit(main())';
  const further = Object.entries(run.settings).flatMap(([name, value]) => [`--${name}`, value]);
  return {
    file: python(),
    args: [
      ...['-c', start, '--host', '127.0.0.1', '--port', String(run.port)],
      ...['--storage-path', `${run.directory}/data`, '--cache-size', '256M', ...args, ...further],
    ],
    env: { PYTHONPATH: run.files, PYTHONUNBUFFERED: '1' },
  };
}

async function withClient<T>(url: string, work: (client: MongoClient) => Promise<T>): Promise<T> {
  const client = new MongoClient(url, {
    serverSelectionTimeoutMS: 1_000,
    connectTimeoutMS: 1_000,
    socketTimeoutMS: 5_000,
    directConnection: true,
  });
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}

async function createAdministrator(run: Run): Promise<void> {
  const user = { createUser: 'root', pwd: run.password, roles: ['root'] };
  await untilAnswers(() => withClient(`mongodb://127.0.0.1:${run.port}`, (client) => client.db('admin').command(user)));
}

/** No package holds MongoDB itself: SecantusDB speaks its protocol over WiredTiger. */
export const mongodb: EngineDefinition = {
  name: 'mongodb',
  installation: { version: `secantus-${version}`, install: (draft, tools) => pipInstall(draft, packages, tools) },
  startTimeoutMs: 180_000,
  // Its first account is made while it asks for none.
  prepare: (run, { during }) => during(command(run, []), () => createAdministrator(run)),
  command: (run) => command(run, ['--auth', '--sync-on-commit']),
  url: (run) => `mongodb://root:${run.password}@127.0.0.1:${run.port}/?authSource=admin&directConnection=true`,
  ask(run) {
    return withClient(this.url(run), async (client) => {
      await client.db('admin').command({ ping: 1 });
      return `MongoDB protocol (SecantusDB ${version})`;
    });
  },
};
