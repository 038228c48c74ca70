/** The containers of versions, as an engine has them. */
import type { Docker, ExecResult } from './api.ts';

/** A container, by what it has that another could share. */
export interface ContainerView {
  /** Of Compose: `dao-mysql`; the container's own name without Compose. */
  readonly service: string;
  readonly running: boolean;
  readonly networks: readonly NetworkView[];
  readonly mounts: readonly MountView[];
  /** Ports inside, published or not. */
  readonly ports: readonly number[];
  readonly published: readonly { readonly inside: number; readonly address: string; readonly port: number }[];
  readonly host: HostSettings;
  readonly command: readonly string[];
  exec(command: readonly string[]): Promise<ExecResult>;
  logs(): Promise<string>;
}

export interface NetworkView {
  readonly id: string;
  readonly name: string;
  readonly address: string;
}

export interface MountView {
  /** What is mounted: a volume's name, or a path of the host. */
  readonly source: string;
  readonly destination: string;
  readonly writable: boolean;
}

export interface HostSettings {
  readonly privileged: boolean;
  readonly addedCapabilities: readonly string[];
  /** `host` or `container:ID` where it is somebody else's. */
  readonly modes: Readonly<Record<'network' | 'pid' | 'ipc' | 'uts', string>>;
  readonly memoryBytes: number;
  readonly cpus: number;
  readonly processesMax: number;
}

const containersMax = 200;
const logLinesMax = 5000;
const serviceLabel = 'com.docker.compose.service';

interface Listed {
  readonly Id: string;
  readonly Names: readonly string[];
  readonly Labels: Readonly<Record<string, string>> | null;
}

/**
 * Containers by version: those whose service is a version's name, or begins with it and a dash. With a version `a-b`
 * there, `a-b-mysql` is its own and not one of `a`.
 */
export async function containersOf(
  docker: Docker,
  versions: readonly string[],
): Promise<ReadonlyMap<string, readonly ContainerView[]>> {
  const listed = (await docker.get('/containers/json?all=true')) as readonly Listed[];
  const longestFirst = versions.toSorted((one, other) => other.length - one.length);
  const found = new Map<string, ContainerView[]>();
  for (const { Id, Names, Labels } of listed.slice(0, containersMax)) {
    const service = Labels?.[serviceLabel] ?? Names[0]?.replace(/^\//, '') ?? '';
    const owner = longestFirst.find((name) => service === name || service.startsWith(`${name}-`));
    if (owner === undefined) continue;
    const view = viewOf(docker, service, (await docker.get(`/containers/${Id}/json`)) as Inspected);
    found.set(owner, [...(found.get(owner) ?? []), view]);
  }
  return found;
}

interface Inspected {
  readonly Id: string;
  readonly State: { readonly Running: boolean };
  readonly Config: {
    readonly ExposedPorts?: Readonly<Record<string, object>> | null;
    readonly Cmd?: readonly string[] | null;
  };
  readonly Mounts: readonly {
    readonly Type: string;
    readonly Name?: string;
    readonly Source: string;
    readonly Destination: string;
    readonly RW: boolean;
  }[];
  readonly NetworkSettings: {
    readonly Networks: Readonly<Record<string, { readonly NetworkID: string; readonly IPAddress: string }>> | null;
    readonly Ports: Readonly<Record<string, readonly { HostIp: string; HostPort: string }[] | null>> | null;
  };
  readonly HostConfig: {
    readonly Privileged: boolean;
    readonly CapAdd: readonly string[] | null;
    readonly NetworkMode: string;
    readonly PidMode: string;
    readonly IpcMode: string;
    readonly UTSMode: string;
    readonly Memory: number;
    readonly NanoCpus: number;
    readonly CpuQuota?: number;
    readonly CpuPeriod?: number;
    readonly PidsLimit: number | null;
  };
}

function viewOf(docker: Docker, service: string, inspected: Inspected): ContainerView {
  const { Id, State, Config, Mounts, NetworkSettings, HostConfig } = inspected;
  const portMap = NetworkSettings.Ports ?? {};
  const inside = [...Object.keys(Config.ExposedPorts ?? {}), ...Object.keys(portMap)];
  return {
    service,
    running: State.Running,
    networks: Object.entries(NetworkSettings.Networks ?? {}).map(([name, { NetworkID, IPAddress }]) => {
      return { id: NetworkID === '' ? name : NetworkID, name, address: IPAddress };
    }),
    mounts: Mounts.filter(({ Type }) => Type !== 'tmpfs').map(({ Name, Source, Destination, RW }) => {
      return { source: Name === undefined || Name === '' ? Source : Name, destination: Destination, writable: RW };
    }),
    ports: [...new Set(inside.map((port) => Number.parseInt(port, 10)))],
    published: Object.entries(portMap).flatMap(([port, hosts]) =>
      (hosts ?? []).map(({ HostIp, HostPort }) => {
        return { inside: Number.parseInt(port, 10), address: HostIp, port: Number(HostPort) };
      }),
    ),
    host: settingsOf(HostConfig),
    command: Config.Cmd ?? [],
    exec: (command) => docker.exec(Id, command),
    logs: () => docker.logs(Id, logLinesMax),
  };
}

function settingsOf(host: Inspected['HostConfig']): HostSettings {
  const { CpuQuota = 0, CpuPeriod = 0 } = host;
  return {
    privileged: host.Privileged,
    addedCapabilities: host.CapAdd ?? [],
    modes: { network: host.NetworkMode, pid: host.PidMode, ipc: host.IpcMode, uts: host.UTSMode },
    memoryBytes: host.Memory,
    cpus: host.NanoCpus > 0 ? host.NanoCpus / 1e9 : CpuPeriod > 0 ? CpuQuota / CpuPeriod : 0,
    processesMax: host.PidsLimit ?? 0,
  };
}
