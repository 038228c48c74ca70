/** Containers as the kernel has them, not as they were asked for: users, capabilities, roots, limits. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Host } from '../host.ts';
import { allOf, type Finding, failed, notHere, passed } from './finding.ts';

/** What `inspect` tells, as far as it is used. */
export interface Inspected {
  readonly Name: string;
  readonly State: { readonly Pid: number; readonly Health?: { readonly Status: string }; readonly Status: string };
  readonly RestartCount: number;
  readonly Mounts: readonly { readonly Type: string; readonly Name?: string; readonly Source: string }[];
  readonly HostConfig: {
    readonly Memory: number;
    readonly PidsLimit: number | null;
    readonly NanoCpus: number;
    readonly LogConfig: { readonly Type: string; readonly Config: Readonly<Record<string, string>> | null };
  };
  readonly NetworkSettings: {
    readonly Networks: Readonly<Record<string, { readonly IPAddress: string; readonly Gateway: string }>>;
  };
}

export async function inspectAll(host: Host, version: string): Promise<Inspected[]> {
  const names = (await host.docker(['ps', '--all', '--format', '{{.Names}}'])).split('\n');
  // Compose's own names: PROJECT-SERVICE-1.
  const own = names.filter((name) => isOf(name, version));
  if (own.length === 0) return [];
  return JSON.parse(await host.docker(['inspect', ...own])) as Inspected[];
}

function isOf(container: string, version: string): boolean {
  return new RegExp(`^mindora-lab-${version}(-[a-z0-9]+)?-1$`).test(container);
}

export function nameOf({ Name }: Inspected): string {
  return Name.replace(/^\/?mindora-lab-/, '').replace(/-1$/, '');
}

/** All thirteen run, are healthy and were never started again. */
export function healthOf(version: string, containers: readonly Inspected[]): Finding {
  const wrong = containers
    .filter(({ State, RestartCount }) => State.Health?.Status !== 'healthy' || RestartCount > 0)
    .map((one) => `${nameOf(one)} is ${one.State.Health?.Status ?? one.State.Status}, ${one.RestartCount} restarts`);
  const whole = 13;
  if (containers.length !== whole) wrong.push(`${containers.length} containers of ${whole}`);
  return allOf(`${version}: healthy`, wrong, containers.length, 'containers, none started again');
}

/** A line of /proc/PID/status. */
function statusOf({ State }: Inspected, key: string): string {
  const text = readFileSync(`/proc/${State.Pid}/status`, 'utf8');
  return new RegExp(`^${key}:\\s*(.*)$`, 'm').exec(text)?.[1] ?? '';
}

/** Every process of a container has the identity of its first, or less. */
export function privilegesOf(version: string, containers: readonly Inspected[]): Finding[] {
  if (containers.some(({ State }) => !existsSync(`/proc/${State.Pid}/status`))) {
    return [notHere(`${version}: privileges`, "the containers' processes are not this machine's")];
  }
  const names = (wrong: (one: Inspected) => boolean): string[] => containers.filter(wrong).map(nameOf);
  const zero = /^0+$/;
  const capabilities = ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'];
  const look = (what: string, wrong: (one: Inspected) => boolean): Finding =>
    allOf(`${version}: ${what}`, names(wrong), containers.length, 'processes as the kernel has them');
  return [
    look('not root', (one) => statusOf(one, 'Uid').split(/\s+/).includes('0')),
    look('no capability, not even in the bounding set', (one) =>
      capabilities.some((key) => !zero.test(statusOf(one, key))),
    ),
    look('no new privileges', (one) => statusOf(one, 'NoNewPrivs') !== '1'),
    look('system calls filtered (seccomp)', (one) => statusOf(one, 'Seccomp') !== '2'),
    look('read-only root', (one) => !hasReadOnlyRoot(one)),
  ];
}

function hasReadOnlyRoot({ State }: Inspected): boolean {
  const mounts = readFileSync(`/proc/${State.Pid}/mountinfo`, 'utf8').split('\n');
  const root = mounts.map((line) => line.split(' ')).find((fields) => fields[4] === '/');
  return root?.[5]?.split(',').includes('ro') === true;
}

/** A file of the control group that a container's processes are in. */
function limitOf({ State }: Inspected, controller: string, first: string, second: string): number | null {
  const groups = readFileSync(`/proc/${State.Pid}/cgroup`, 'utf8').trim().split('\n');
  const own = groups.map((line) => line.split(':')).find((fields) => fields[1]?.split(',').includes(controller));
  const unified = groups.map((line) => line.split(':')).find((fields) => fields[1] === '');
  const file =
    own === undefined
      ? join('/sys/fs/cgroup', unified?.[2] ?? '', second)
      : join('/sys/fs/cgroup', controller, own[2] ?? '', first);
  if (!existsSync(file)) return null;
  return Number.parseInt(readFileSync(file, 'utf8'), 10);
}

/** Memory and processes are bounded as the manifest says. */
export function limitsOf(version: string, containers: readonly Inspected[]): Finding[] {
  const memory = containers.filter((one) => {
    return limitOf(one, 'memory', 'memory.limit_in_bytes', 'memory.max') !== one.HostConfig.Memory;
  });
  const processes = containers.filter(
    (one) => limitOf(one, 'pids', 'pids.max', 'pids.max') !== one.HostConfig.PidsLimit,
  );
  const sum = containers.reduce((total, { HostConfig }) => total + HostConfig.Memory, 0) / 2 ** 30;
  const kept = `limits in the control groups, ${sum.toFixed(1)} GB in all`;
  return [
    allOf(`${version}: memory bounded`, memory.map(nameOf), containers.length, kept),
    allOf(`${version}: processes bounded`, processes.map(nameOf), containers.length, 'limits in the control groups'),
  ];
}

/** What the engine keeps of each container's log at most; Podman tells it in a field of its own. */
export async function logsOf(host: Host, version: string, containers: readonly Inspected[]): Promise<Finding> {
  const sizes = await Promise.all(
    containers.map(async (one) => {
      if (host.podman === null) return one.HostConfig.LogConfig.Config?.['max-size'] ?? '';
      return (
        await host.podman.podman(['inspect', '--format', '{{.HostConfig.LogConfig.Size}}', one.Name.replace('/', '')])
      ).trim();
    }),
  );
  const wrong = containers.filter((_one, index) => !/^[1-9]/.test(sizes[index] ?? '')).map(nameOf);
  return allOf(`${version}: logs bounded`, wrong, containers.length, `logs of at most ${sizes[0]}`);
}

/** A container that says too much, with the options of compose.yaml made small: what is left of it on the disk. */
export async function logRotation(host: Host, image: string): Promise<Finding> {
  const check = 'logs rotate';
  const name = 'mindora-lab-talks';
  const options = ['--log-driver', 'json-file', '--log-opt', 'max-size=64k', '--log-opt', 'max-file=3'];
  const talk = 'process.stdout.write((String("x").repeat(99) + "\\n").repeat(10000))';
  try {
    const start = ['run', '--name', name, '--network', 'none', ...options, '--entrypoint', 'node', image, '-e', talk];
    await host.docker(start);
    const { length } = await host.docker(['logs', name]);
    const said = 1_000_000;
    if (length > said / 2) return failed(check, `${length} of ${said} characters were kept at a limit of 64 kB`);
    const files = host.podman === null ? '' : ' (Podman keeps one file, not three)';
    return passed(check, `${length} of ${said} characters kept at a limit of 64 kB${files}`);
  } finally {
    await host.tryDocker(['rm', '--force', name]);
  }
}

/** No volume, file or network of a version is another's. */
export function nothingShared(all: ReadonlyMap<string, readonly Inspected[]>): Finding {
  const owners = new Map<string, string>();
  const wrong: string[] = [];
  for (const [version, containers] of all) {
    const things = containers.flatMap(({ Mounts, NetworkSettings }) => [
      ...Mounts.filter(({ Type }) => Type !== 'tmpfs').map(({ Name, Source }) => Name ?? Source),
      ...Object.keys(NetworkSettings.Networks),
    ]);
    for (const thing of new Set(things)) {
      const owner = owners.get(thing);
      if (owner !== undefined && !thing.includes('/compose/config/')) wrong.push(`${thing} of ${owner} and ${version}`);
      owners.set(thing, version);
    }
  }
  return allOf("volumes, files and networks are one version's alone", wrong, owners.size, 'of them');
}
