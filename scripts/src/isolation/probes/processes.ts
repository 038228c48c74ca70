/** The processes that versions run in, where these are processes of this machine. */
import { existsSync, readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { sep } from 'node:path';
import type { Party } from '../party.ts';
import { type Attempt, crossed, held, type Probe, untried } from '../probe.ts';

const filesMax = 20_000;

function processOf({ gateway }: Party): number | null {
  const pid = gateway?.pid ?? null;
  return pid !== null && existsSync(`/proc/${pid}/fd`) ? pid : null;
}

/** What a process has open; files that it closed meanwhile are left out. */
function openOf(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`)
    .slice(0, filesMax)
    .flatMap((number) => readLinkIfThere(`/proc/${pid}/fd/${number}`));
}

function readLinkIfThere(link: string): string[] {
  try {
    return [readlinkSync(link)];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

export const ownProcess: Probe = {
  name: 'own-process',
  kind: 'container',
  tries: 'a process that serves two versions, and files of one that the other’s process has open or mapped',
  attack({ attacker, victim }) {
    const tried = `files of ${victim.name} in the process of ${attacker.name}`;
    const mine = processOf(attacker);
    const directory = victim.files?.directory;
    if (mine === null || directory === undefined) return [untried(tried, 'no such process on this machine')];
    if (mine === processOf(victim)) return [crossed(tried, `both are process ${mine}`)];
    const inside = (path: string): boolean => path.startsWith(realpathSync(directory) + sep);
    const open = openOf(mine);
    const found = [...open, ...mappedBy(mine)].filter(inside);
    if (found.length > 0) return [...new Set(found)].slice(0, 20).map((path) => crossed(tried, `has ${path} open`));
    const own = attacker.files === null ? '' : realpathSync(attacker.files.directory);
    const isSeen = open.some((path) => path.startsWith(own + sep));
    return [isSeen ? held(tried, `${open.length} open, none of them`) : untried(tried, 'not even its own are seen')];
  },
};

function mappedBy(pid: number): string[] {
  const lines = readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n');
  return lines.flatMap((line) => line.match(/ (\/.*)$/)?.[1] ?? []);
}

interface Connection {
  readonly remotePort: number;
  readonly inode: string;
}

/** Connections in a process's network, as the kernel tells them; state 01 is one that stands. */
function connectionsOf(pid: number): Connection[] {
  return ['tcp', 'tcp6'].flatMap((table) => {
    const lines = readFileSync(`/proc/${pid}/net/${table}`, 'utf8').trim().split('\n').slice(1);
    return lines.flatMap((line) => {
      const [, , remote = '', state, , , , , , inode = ''] = line.trim().split(/\s+/);
      return state === '01' ? [{ remotePort: Number.parseInt(remote.split(':')[1] ?? '', 16), inode }] : [];
    });
  });
}

function portsOf({ gateway, addresses }: Party): number[] {
  const urls = [
    ...Object.values(addresses).map((address) => address.reveal()),
    ...(gateway === null ? [] : [gateway.url]),
  ];
  return urls.map((url) => Number(new URL(url).port));
}

export const foreignConnections: Probe = {
  name: 'foreign-connections',
  kind: 'network',
  tries: 'connections that the process of one version holds to the gateway or the engines of another',
  attack({ attacker, victim }): Attempt[] {
    const tried = `connections of ${attacker.name} to ${victim.name}`;
    const pid = processOf(attacker);
    const ports = portsOf(victim);
    if (pid === null || ports.length === 0) return [untried(tried, 'no such process on this machine')];
    const sockets = new Set(openOf(pid).flatMap((path) => /^socket:\[(\d+)\]$/.exec(path)?.[1] ?? []));
    const own = connectionsOf(pid).filter(({ inode }) => sockets.has(inode));
    const foreign = own.filter(({ remotePort }) => ports.includes(remotePort));
    if (foreign.length > 0) return [crossed(tried, `${foreign.length}, to port ${foreign[0]?.remotePort}`)];
    return [held(tried, `${sockets.size} sockets, ${own.length} connections, none to ${ports.length} ports`)];
  },
};
