/** Ports of one version that lead to another, and listeners that more than this machine reaches. */
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { ask } from '../http.ts';
import type { Party } from '../party.ts';
import { type Attempt, crossed, held, type Probe, reasonOf, untried } from '../probe.ts';

/** The name by which a gateway answers; null: nobody answers, or somebody who speaks otherwise. */
async function nameAt(url: string): Promise<string | null> {
  const answer = await ask(`${url}/health`).catch(() => null);
  if (answer?.status !== 200) return null;
  try {
    const { version } = JSON.parse(answer.text) as { version?: unknown };
    return typeof version === 'string' ? version : null;
  } catch {
    return null;
  }
}

export const foreignPorts: Probe = {
  name: 'foreign-ports',
  kind: 'network',
  tries: 'every port of the host that belongs to one version: none may lead to the gateway of another',
  async attack({ attacker, victim }) {
    const what = `ports of ${attacker.name} lead to ${victim.name}`;
    const { gateway } = victim;
    if (gateway === null) return [untried(what, `${victim.name} is not running`)];
    if ((await nameAt(gateway.url)) !== victim.name)
      return [untried(what, `${victim.name} does not answer at its own port`)];
    const urls = new Set([
      ...(attacker.gateway === null ? [] : [new URL(attacker.gateway.url).origin]),
      ...attacker.ports.map(({ port }) => `http://127.0.0.1:${port}`),
    ]);
    return Promise.all(
      [...urls].map(async (url): Promise<Attempt> => {
        const name = await nameAt(url);
        const tried = `${url} of ${attacker.name}`;
        if (name === victim.name) return crossed(tried, `answers as ${name}`);
        return held(tried, name === null ? 'no gateway answers' : `answers as ${name}`);
      }),
    );
  },
};

const connectMs = 1000;

/** Whether a port of an address of this machine lets somebody in. */
function isOpen(host: string, port: number): Promise<boolean> {
  return new Promise((settle, fail) => {
    const socket = connect({ host, port, timeout: connectMs });
    const end = (answer: boolean): void => {
      socket.destroy();
      settle(answer);
    };
    socket.once('connect', () => end(true));
    socket.once('timeout', () => end(false));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'EHOSTUNREACH') end(false);
      else fail(error);
    });
  });
}

/** Addresses of this machine itself that others can reach it by. Packets to them never leave it. */
function ownAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.filter(({ internal, scopeid }) => !internal && (scopeid ?? 0) === 0).map(({ address }) => address);
}

function listenersOf({ gateway, addresses }: Party): { name: string; host: string; port: number }[] {
  const urls = Object.entries(addresses).map(([part, address]) => [part, address.reveal()] as const);
  const all = [...urls, ...(gateway === null ? [] : [['gateway', gateway.url] as const])];
  return all.map(([name, text]) => {
    const url = new URL(text);
    return { name, host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port) };
  });
}

export const outsideAddresses: Probe = {
  name: 'outside-addresses',
  kind: 'network',
  tries: 'ports of a version by the addresses that other machines have for this one',
  async attack({ victim }) {
    const listeners = listenersOf(victim).filter(({ port }) => port > 0);
    const outside = ownAddresses();
    const what = `ports of ${victim.name} from outside`;
    if (listeners.length === 0) return [untried(what, `${victim.name} is not running`)];
    if (outside.length === 0) return [untried(what, 'this machine has no address but loopback')];
    return Promise.all(listeners.map((listener) => fromOutside(listener, outside)));
  },
};

async function fromOutside(listener: { name: string; host: string; port: number }, outside: readonly string[]) {
  const { name, host, port } = listener;
  const tried = `${name}, port ${port}, by ${outside.length} addresses of this machine`;
  try {
    if (!(await isOpen(host, port))) return untried(tried, 'closed by its own address too');
    const open = await Promise.all(outside.map((address) => isOpen(address, port)));
    return open.includes(true) ? crossed(tried, 'open') : held(tried, 'refused; by its own address it is open');
  } catch (error) {
    return untried(tried, reasonOf(error));
  }
}
