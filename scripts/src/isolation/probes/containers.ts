/** Containers of one version and of another: networks, names, ports, mounts, namespaces, capabilities, limits. */
import type { ContainerView } from '../docker/containers.ts';
import { type Destination, type Reach, reach, resolves } from '../docker/reach.ts';
import { wordsOf } from '../markers.ts';
import type { Party } from '../party.ts';
import { type Attempt, type Border, crossed, held, type Probe, reasonOf, untried } from '../probe.ts';

const noContainers = 'no containers here';

/** A probe that has containers of both sides, or says that there are none. */
function ofContainers(
  name: string,
  kind: Probe['kind'],
  tries: string,
  attack: (border: Border) => Attempt[] | Promise<Attempt[]>,
): Probe {
  return {
    name,
    kind,
    tries,
    attack(border) {
      const { attacker, victim } = border;
      const without = [attacker, victim].find(({ containers }) => containers.length === 0);
      return without === undefined ? attack(border) : [untried(`containers of ${without.name}`, noContainers)];
    },
  };
}

/** What both have, by a key; one held attempt where there is nothing. */
function shared<T>(
  border: Border,
  what: string,
  listOf: (view: ContainerView) => readonly T[],
  keyOf: (one: T) => string,
) {
  const { attacker, victim } = border;
  const theirs = new Map(victim.containers.flatMap((view) => listOf(view).map((one) => [keyOf(one), view.service])));
  const mine = attacker.containers.flatMap((view) => listOf(view).map((one) => ({ key: keyOf(one), one, view })));
  const both = mine.filter(({ key }) => theirs.has(key));
  if (both.length === 0) {
    return [held(`${what} of ${attacker.name} that ${victim.name} has`, `${mine.length} against ${theirs.size}: none`)];
  }
  return both.map(({ key, view }) => crossed(`${what} of ${view.service} is not ${theirs.get(key)}’s`, key));
}

export const joinedNetworks = ofContainers(
  'joined-networks',
  'network',
  'networks that containers of two versions are on',
  (border) =>
    shared(
      border,
      'network',
      // `none` is where nobody meets.
      ({ networks }) => networks.filter(({ name }) => name !== 'none'),
      ({ id }) => id,
    ),
);

/** Files of compose/config: without a secret, and mounted read-only. */
const sharedConfiguration = /\/compose\/config\/[^/]+$/;

export const sharedMounts = ofContainers(
  'shared-mounts',
  'data',
  'volumes and paths of the host that containers of two versions mount',
  (border) =>
    shared(
      border,
      'mount',
      ({ mounts }) => mounts.filter(({ source, writable }) => writable || !sharedConfiguration.test(source)),
      ({ source }) => source,
    ),
);

/** Every way to a container: its names and its addresses, with its ports. */
function destinationsOf({ service, networks, ports }: ContainerView): Destination[] {
  const hosts = [service, ...networks.map(({ address }) => address)].filter((host) => host !== '');
  return hosts.flatMap((host) => ports.map((port) => ({ host, port })));
}

export const containerPorts = ofContainers(
  'container-ports',
  'network',
  'every port of each container of a version, by name and by address, from inside another version’s containers',
  async ({ attacker, victim }) => {
    const targets = victim.containers.filter(({ running }) => running).flatMap(destinationsOf);
    const home = await reachedAtHome(victim, targets);
    const from = attacker.containers.filter(({ running }) => running);
    const tries = from.map((container) => triesOf(container, targets, home));
    return (await Promise.all(tries)).flat();
  },
);

/** What a container of the victim's own reaches: only that can be held against somebody else. */
async function reachedAtHome({ containers }: Party, targets: readonly Destination[]): Promise<ReadonlySet<string>> {
  const looks = containers.filter(({ running }) => running).map((view) => reachable(view, targets));
  const found = (await Promise.all(looks)).flatMap((answers) => [...answers]);
  return new Set(found.filter(([, answer]) => answer === 'open').map(([key]) => key));
}

function reachable(view: ContainerView, targets: readonly Destination[]): Promise<ReadonlyMap<string, Reach>> {
  // A container without a shell can't be attacked from.
  return reach(view, targets).catch(() => new Map());
}

async function triesOf(
  from: ContainerView,
  targets: readonly Destination[],
  home: ReadonlySet<string>,
): Promise<Attempt[]> {
  const answers = await reachable(from, targets);
  return targets.map(({ host, port }) => {
    const key = `${host} ${port}`;
    const tried = `${host}:${port} from ${from.service}`;
    const answer = answers.get(key) ?? 'unknown';
    if (answer === 'open') return crossed(tried, 'open');
    if (answer === 'unknown') return untried(tried, `nothing in ${from.service} to try it with`);
    return home.has(key) ? held(tried, 'closed; at home it is open') : untried(tried, 'closed at home too');
  });
}

export const containerNames = ofContainers(
  'container-names',
  'network',
  'DNS names of a version’s containers from inside another version’s',
  async ({ attacker, victim }) => {
    const names = victim.containers.map(({ service }) => service);
    const own = await namesFound(victim, names);
    const from = attacker.containers.filter(({ running }) => running);
    const tries = from.map(async (container) => {
      const found = await resolves(container, names).catch(() => new Map<string, boolean>());
      return names.map((name) => judgeName(`${name} from ${container.service}`, found.get(name), own.has(name)));
    });
    return (await Promise.all(tries)).flat();
  },
);

function judgeName(tried: string, found: boolean | undefined, isFoundAtHome: boolean): Attempt {
  if (found === undefined) return untried(tried, 'nothing in the container to try it with');
  if (found) return crossed(tried, 'it resolves');
  return isFoundAtHome ? held(tried, 'unknown; at home it resolves') : untried(tried, 'unknown at home too');
}

async function namesFound({ containers }: Party, names: readonly string[]): Promise<ReadonlySet<string>> {
  const looks = containers.filter(({ running }) => running).map((view) => resolves(view, names).catch(() => new Map()));
  const found = (await Promise.all(looks)).flatMap((answers) => [...answers]);
  return new Set(found.filter(([, isThere]) => isThere).map(([name]) => name));
}

const namespaces = ['ipc', 'mnt', 'net', 'pid', 'uts'] as const;
const namespaceScript = `for one in ${namespaces.join(' ')}; do readlink /proc/self/ns/$one; done`;

export const sharedNamespaces = ofContainers(
  'shared-namespaces',
  'container',
  'namespaces of the kernel (processes, memory, network, mounts, names) that containers of two versions are in',
  async ({ attacker, victim }) => {
    const [mine, theirs] = await Promise.all([namespacesOf(attacker), namespacesOf(victim)]);
    const tried = `namespaces of ${attacker.name} that ${victim.name} is in`;
    if (mine.size === 0 || theirs.size === 0) return [untried(tried, 'no container tells its own')];
    const both = [...mine].filter(([id]) => theirs.has(id));
    if (both.length === 0) return [held(tried, `${mine.size} against ${theirs.size}: none`)];
    return both.map(([id, service]) => crossed(`${id} of ${service}`, `${theirs.get(id)} is in it too`));
  },
);

/** A container by each of its namespaces. */
async function namespacesOf({ containers }: Party): Promise<ReadonlyMap<string, string>> {
  const running = containers.filter((view) => view.running);
  const told = running.map(async ({ service, exec }) => {
    const output = await exec(['sh', '-c', namespaceScript])
      .then((result) => result.output)
      .catch(() => '');
    return [...output.matchAll(/(?:ipc|mnt|net|pid|uts):\[\d+\]/g)].map(([id]) => [id, service] as const);
  });
  return new Map((await Promise.all(told)).flat());
}

export const privileges = ofContainers(
  'privileges',
  'container',
  'containers with capabilities, privileges, the host’s namespaces or the socket of their engine',
  async ({ victim }) => (await Promise.all(victim.containers.map(privilegesOf))).flat(),
);

async function privilegesOf(view: ContainerView): Promise<Attempt[]> {
  const { service, host, mounts } = view;
  const open = Object.entries(host.modes).filter(([, mode]) => /^(host|container:)/.test(mode));
  const socket = mounts.find(({ source }) => /\/(docker|podman)\.sock$/.test(source));
  const fixed: [boolean, string, string][] = [
    [host.privileged, 'privileged', String(host.privileged)],
    [host.addedCapabilities.length > 0, 'added capabilities', host.addedCapabilities.join(' ') || 'none'],
    [open.length > 0, 'namespaces of the host', open.map(([name, mode]) => `${name}: ${mode}`).join(' ') || 'none'],
    [socket !== undefined, 'socket of the engine', socket?.source ?? 'none'],
  ];
  const judged = fixed.map(([isOpen, what, answer]) => (isOpen ? crossed : held)(`${service}: ${what}`, answer));
  return [
    ...judged,
    view.running ? await capabilitiesOf(view) : untried(`${service}: capabilities`, 'it is not running'),
  ];
}

/** As the kernel tells a process inside. */
async function capabilitiesOf({ service, exec }: ContainerView): Promise<Attempt> {
  const tried = `${service}: capabilities of a process inside`;
  try {
    const { output } = await exec(['sh', '-c', 'cat /proc/self/status']);
    const [, mask] = /^CapEff:\s*([0-9a-f]+)/m.exec(output) ?? [];
    if (mask === undefined) return untried(tried, 'it does not tell');
    return /^0+$/.test(mask) ? held(tried, mask) : crossed(tried, mask);
  } catch (error) {
    return untried(tried, reasonOf(error));
  }
}

export const limits = ofContainers(
  'limits',
  'container',
  'containers that could take memory, processors or processes away from another version',
  ({ victim, attacker }) =>
    attacker.containers.map(({ service, host }) => {
      const { memoryBytes, cpus, processesMax } = host;
      const missing = [
        ...(memoryBytes > 0 ? [] : ['memory']),
        ...(cpus > 0 ? [] : ['CPU']),
        ...(processesMax > 0 ? [] : ['processes']),
      ];
      const tried = `${service} takes from ${victim.name} what it likes`;
      if (missing.length > 0) return crossed(tried, `no limit of ${missing.join(', ')}`);
      return held(tried, `${Math.round(memoryBytes / 2 ** 20)} MB, ${cpus} CPUs, ${processesMax} processes`);
    }),
);

export const markersInContainerLogs = ofContainers(
  'markers-in-container-logs',
  'data',
  'what was written into one version, in the logs of another’s containers',
  async ({ attacker, victim, markers }) => {
    const marker = markers.get(attacker.name) ?? { missing: 'nothing was written' };
    if ('missing' in marker) return [untried(`marker of ${attacker.name}`, `${attacker.name}: ${marker.missing}`)];
    return Promise.all(
      victim.containers.map(async ({ service, logs }) => {
        const tried = `marker of ${attacker.name} in the log of ${service}`;
        const text = await logs().catch(reasonOf);
        if (wordsOf(marker).some((word) => text.includes(word))) return crossed(tried, 'found');
        return text.trim() === ''
          ? untried(tried, 'the log is empty')
          : held(tried, `not in ${text.length} characters`);
      }),
    );
  },
);
