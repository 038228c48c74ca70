import { once } from 'node:events';
import { connect } from 'node:net';
import type { EngineDefinition, Run } from '../definition.ts';
import { fetchJson } from './common.ts';
import { goInstall } from './go.ts';

const version = 'v2.15.2';

/** Its acknowledgement means that the disk has it. */
function configuration({ directory, port, ports, password, settings }: Run): string {
  const { jetstream = '', ...others } = settings;
  return [
    `listen: "127.0.0.1:${port}"`,
    `http: "127.0.0.1:${ports.monitoring}"`,
    'max_payload: 1MB',
    `authorization { user: "mindora", password: "${password}" }`,
    `jetstream { store_dir: "${directory}/data", sync_interval: always, ${jetstream} }`,
    ...Object.entries(others).map(([name, value]) => `${name}: ${value}`),
    '',
  ].join('\n');
}

/** The port answers as well as the page: the page may be there first. */
async function greeting(port: number): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, timeout: 1_000 });
  socket.once('timeout', () => socket.destroy(new Error('no greeting')));
  try {
    const [data] = (await once(socket, 'data')) as [Buffer];
    return data.toString('utf8');
  } finally {
    socket.destroy();
  }
}

/**
 * Further settings are lines of its configuration; `jetstream` holds those of the block, and comes last in it, so that
 * a test can set `sync_interval` wrong.
 */
export const nats: EngineDefinition = {
  name: 'nats',
  installation: {
    version,
    install: (draft, tools) => goInstall(draft, `github.com/nats-io/nats-server/v2@${version}`, tools),
  },
  ports: ['monitoring'],
  startTimeoutMs: 90_000,
  configure: (run, { write }) => write('nats.conf', configuration(run)),
  command: (run) => ({ file: `${run.files}/nats-server`, args: ['--config', `${run.directory}/nats.conf`] }),
  url: (run) => `nats://mindora:${run.password}@127.0.0.1:${run.port}`,
  addresses: (run) => ({ monitoring: `http://127.0.0.1:${run.ports.monitoring}` }),
  async ask(run) {
    await fetchJson(`http://127.0.0.1:${run.ports.monitoring}/healthz?js-enabled-only=true`);
    const info = await greeting(run.port);
    if (!info.startsWith('INFO ')) throw new Error('no NATS server');
    return `NATS ${(JSON.parse(info.slice(5).split('\r\n')[0] ?? '{}') as { version: string }).version}`;
  },
};
