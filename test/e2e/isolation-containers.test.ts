/**
 * What the attack sees of containers (A3.1, A3.5), tried without an engine: what runs "inside" is a shell of this
 * machine, so its names and ports are real ones. compose/README.md tells of real containers.
 */
import { spawnSync } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createListener } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { createDocker } from '@mindora/cli/isolation/docker/api';
import { type ContainerView, containersOf } from '@mindora/cli/isolation/docker/containers';
import { findGateway } from '@mindora/cli/isolation/docker/gateway';
import type { Party } from '@mindora/cli/isolation/party';
import { caughtBy, look } from '../support/isolation.ts';

const closing: (() => unknown)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

const here: ContainerView['exec'] = async ([file = '', ...args]) => {
  const { status, stdout } = spawnSync(file, args, { encoding: 'utf8', timeout: 20_000 });
  return { code: status ?? -1, output: stdout };
};

/** A container as it should be; its shell reaches nothing, as in a network of its own. */
function container(service: string, change: Partial<ContainerView> = {}): ContainerView {
  return {
    service,
    running: true,
    networks: [{ id: `network of ${service}`, name: `${service}-network`, address: '' }],
    mounts: [
      { source: `mindora-${service}`, destination: '/data', writable: true },
      { source: '/srv/mindora/compose/config/nats.conf', destination: '/etc/mindora/nats.conf', writable: false },
    ],
    ports: [],
    published: [],
    host: {
      privileged: false,
      addedCapabilities: [],
      modes: { network: 'custom', pid: '', ipc: 'private', uts: '' },
      memoryBytes: 2 ** 30,
      cpus: 1,
      processesMax: 256,
    },
    command: [],
    exec: async ([, , script = '', , ...words]) => ({ code: 0, output: answerInside(service, script, words) }),
    logs: async () => 'started\n',
    ...change,
  };
}

/** What a closed container answers: its own namespaces, no capability, no way to anywhere but itself. */
function answerInside(service: string, script: string, words: readonly string[]): string {
  if (script.includes('readlink')) return `net:[${service.length}${service.charCodeAt(0)}]\n`;
  if (script.includes('/proc/self/status')) return 'CapEff:\t0000000000000000\n';
  if (script.includes('getent')) return words.map((word) => `${word} ${word === service ? 0 : 2}\n`).join('');
  const lines: string[] = [];
  for (let at = 0; at + 1 < words.length; at += 2) {
    lines.push(`${words[at]} ${words[at + 1]} ${words[at] === service ? 0 : 1}\n`);
  }
  return lines.join('');
}

function party(name: string, containers: readonly ContainerView[]): Party {
  return {
    name,
    namespace: `jobfirst_${name}_`,
    files: null,
    secretsDirectory: null,
    backups: null,
    logs: [],
    gateway: null,
    secrets: [],
    addresses: {},
    redisDatabases: [],
    ports: [],
    containers,
  };
}

const future = party('future', [container('future-redis', { ports: [6379] })]);
const dao = (change: Partial<ContainerView> = {}): Party =>
  party('dao', [container('dao-redis', { ports: [6379], ...change })]);
const all = [
  'joined-networks',
  'container-ports',
  'container-names',
  'shared-mounts',
  'shared-namespaces',
  'privileges',
  'limits',
];

describe('containers', () => {
  it('that are as they should be hold', async () => {
    const findings = await look([future, dao()], all);
    expect(findings.filter(({ outcome }) => outcome !== 'held')).toEqual([]);
    expect(new Set(findings.map(({ probe }) => probe))).toEqual(new Set(all));
  });

  it('on one network are caught', async () => {
    const networks = [{ id: 'network of future-redis', name: 'future-network', address: '' }];
    expect(caughtBy(await look([future, dao({ networks })], all))).toEqual(['joined-networks']);
  });

  it('that mount one volume, or one file with a secret, are caught', async () => {
    const volume = [{ source: 'mindora-future-redis', destination: '/other', writable: false }];
    expect(caughtBy(await look([future, dao({ mounts: volume })], all))).toEqual(['shared-mounts']);
  });

  it('that reach a port and find a name of another version are caught', async () => {
    const server = createListener((socket) => socket.end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closing.push(() => server.close());
    const { port } = server.address() as AddressInfo;
    // The shell of this machine finds "localhost", and what listens there.
    const victim = party('future', [container('localhost', { ports: [port], exec: here })]);
    const findings = await look([victim, dao({ exec: here, ports: [] })], ['container-ports', 'container-names']);
    expect(caughtBy(findings)).toEqual(['container-names', 'container-ports']);
    server.close();
    await new Promise((resolve) => server.once('close', resolve));
    const closed = await look([victim, dao({ exec: here, ports: [] })], ['container-ports']);
    // Nobody is let in any more, so it isn't counted as held.
    expect(closed.filter(({ victim: name }) => name === 'future').map(({ outcome }) => outcome)).toEqual(['untried']);
  });

  it('in one namespace are caught', async () => {
    const exec = container('future-redis').exec;
    expect(caughtBy(await look([future, dao({ exec })], ['shared-namespaces']))).toEqual(['shared-namespaces']);
    const both = [party('future', [container('one', { exec: here })]), dao({ exec: here })];
    expect(caughtBy(await look(both, ['shared-namespaces']))).toEqual(['shared-namespaces']);
  });

  it.each<[string, Partial<ContainerView['host']>, string]>([
    ['privileges', { privileged: true }, 'privileges'],
    ['a capability', { addedCapabilities: ['NET_ADMIN'] }, 'privileges'],
    ["the host's processes", { modes: { network: 'custom', pid: 'host', ipc: '', uts: '' } }, 'privileges'],
    ["another container's network", { modes: { network: 'container:1', pid: '', ipc: '', uts: '' } }, 'privileges'],
    ['no limit of memory', { memoryBytes: 0 }, 'limits'],
    ['no limit of processes', { processesMax: 0 }, 'limits'],
  ])('with %s are caught', async (_what, change, probe) => {
    const host = { ...container('dao-redis').host, ...change };
    expect(caughtBy(await look([future, dao({ host })], all))).toEqual([probe]);
  });

  it('with the socket of their engine are caught', async () => {
    const mounts = [{ source: '/var/run/docker.sock', destination: '/var/run/docker.sock', writable: true }];
    expect(caughtBy(await look([future, dao({ mounts })], all))).toEqual(['privileges']);
  });
});

describe('an engine', () => {
  const inspected = (service: string) => ({
    Id: service,
    State: { Running: true },
    Config: { ExposedPorts: { '8206/tcp': {} }, Cmd: ['up', '--data', '/data/sqlite'] },
    Mounts: [{ Type: 'volume', Name: 'mindora-a', Source: '/var/lib/a', Destination: '/data', RW: true }],
    NetworkSettings: {
      Networks: { 'a-network': { NetworkID: 'n1', IPAddress: '10.89.0.2' } },
      Ports: { '8206/tcp': [{ HostIp: '127.0.0.1', HostPort: '18206' }] },
    },
    HostConfig: {
      Privileged: false,
      CapAdd: null,
      NetworkMode: 'a-network',
      PidMode: '',
      IpcMode: 'private',
      UTSMode: '',
      Memory: 1024,
      NanoCpus: 1_500_000_000,
      PidsLimit: 64,
    },
  });
  const key = `mk_${'k'.repeat(43)}`;

  /** Answers as the API's description says. */
  async function engine(): Promise<string> {
    const services = ['a', 'a-mysql', 'a-b', 'a-b-mysql', 'other'];
    const server: Server = createServer((request, response) => {
      const path = request.url ?? '';
      const id = /containers\/([a-z-]+)\//.exec(path)?.[1] ?? '';
      const answer = (value: unknown): void => void response.end(JSON.stringify(value));
      if (path.includes('/containers/json')) {
        const label = (service: string) => ({ 'com.docker.compose.service': service });
        answer(services.map((service) => ({ Id: service, Names: [`/p-${service}-1`], Labels: label(service) })));
      } else if (path.endsWith('/exec')) answer({ Id: 'e1' });
      else if (path.endsWith('/exec/e1/start')) response.end(`${key}\r\n`);
      else if (path.endsWith('/exec/e1/json')) answer({ ExitCode: 0 });
      else answer(inspected(id));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closing.push(() => server.close());
    return `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  it('tells containers by version, and their gateway with its key', async () => {
    const found = await containersOf(createDocker(await engine()), ['a', 'a-b']);
    const services = [...found].map(([name, views]) => [name, views.map(({ service }) => service)]);
    expect(services).toEqual([
      ['a', ['a', 'a-mysql']],
      ['a-b', ['a-b', 'a-b-mysql']],
    ]);
    const [view] = found.get('a') ?? [];
    expect(view).toMatchObject({ ports: [8206], host: { cpus: 1.5, memoryBytes: 1024, processesMax: 64 } });
    const { gateway, secrets } = await findGateway('a', found.get('a') ?? []);
    expect([gateway?.url, gateway?.adminKey?.reveal()]).toEqual(['http://127.0.0.1:18206', key]);
    expect(secrets.map(({ name }) => name)).toEqual(['admin.key', 'metrics.key']);
  });

  it('that is not there is told', async () => {
    const docker = createDocker('tcp://127.0.0.1:1');
    await expect(containersOf(docker, ['a'])).rejects.toMatchObject({ code: 'store_unavailable' });
  });
});
