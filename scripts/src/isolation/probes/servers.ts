/** Engines that are servers: another version's accounts, one server for two versions, and what was written elsewhere. */
import type { Secret } from '@mindora/runtime';
import type { ServerPart } from '../../engines.ts';
import { type Credentials, credentialsOf, type Door, type Target } from '../engines/door.ts';
import { doorOf } from '../engines/index.ts';
import { wordsOf } from '../markers.ts';
import type { Party } from '../party.ts';
import { type Attempt, type Border, crossed, held, type Probe, reasonOf, untried } from '../probe.ts';

interface Server {
  readonly part: ServerPart;
  readonly door: Door;
  readonly target: Target;
}

async function serversOf(party: Party, wanted: (part: ServerPart) => boolean): Promise<Server[]> {
  const parts = Object.entries(party.addresses) as [ServerPart, Secret][];
  const found = parts
    .filter(([part]) => wanted(part))
    .map(async ([part, address]) => {
      const url = new URL(address.reveal());
      const { namespace, redisDatabases } = party;
      return { part, door: await doorOf(part, url), target: { url, namespace, redisDatabases } };
    });
  return (await Promise.all(found)).flatMap(({ part, door, target }) =>
    door === null ? [] : [{ part, door, target }],
  );
}

const isStore = (part: ServerPart): boolean => part !== 'bus';
const isBus = (part: ServerPart): boolean => part === 'bus';
const isAny = (): boolean => true;
const noServers = 'its engines are files';

interface Named {
  readonly name: string;
  readonly credentials: Credentials | null;
}

/** With what it is tried: the attacker's accounts of this engine, its password on the victim's account, and nothing. */
function keysOf(attacker: readonly Server[], victim: Server): Named[] {
  const mine = attacker.filter(({ door }) => door === victim.door);
  const own = credentialsOf(victim.target.url);
  const keys = mine.flatMap(({ part, target }): Named[] => {
    const credentials = credentialsOf(target.url);
    if (credentials === null) return [];
    const swapped = own === null ? credentials : { ...credentials, user: own.user };
    return [
      { name: `account of ${part}`, credentials },
      { name: `password of ${part} on its account`, credentials: swapped },
    ];
  });
  const distinct = new Map(keys.map((key) => [`${key.credentials?.user} ${key.credentials?.password}`, key]));
  return [...distinct.values(), { name: 'no account', credentials: null }];
}

async function attackServer(
  attacker: Party,
  mine: readonly Server[],
  victim: Party,
  server: Server,
): Promise<Attempt[]> {
  const { part, door, target } = server;
  const what = `${part} of ${victim.name}`;
  // A server that doesn't let its owner in proves nothing.
  const own = await door.enter(target, credentialsOf(target.url)).catch(reasonOf);
  if (typeof own === 'string' || !own.entered) {
    return [untried(what, `its owner gets no answer: ${typeof own === 'string' ? own : own.answer}`)];
  }
  const attempts: Attempt[] = [];
  // One after the other: some engines close the account after wrong passwords that come together.
  for (const { name, credentials } of keysOf(mine, server)) {
    const tried = `${what} with ${credentials === null ? name : `${name} of ${attacker.name}`}`;
    attempts.push(await enter(tried, server, credentials));
  }
  return attempts;
}

async function enter(tried: string, { door, target }: Server, credentials: Credentials | null): Promise<Attempt> {
  try {
    const { entered, answer } = await door.enter(target, credentials);
    return entered ? crossed(tried, answer) : held(tried, answer);
  } catch (error) {
    return untried(tried, reasonOf(error));
  }
}

function accountsProbe(name: string, kind: Probe['kind'], tries: string, wanted: (part: ServerPart) => boolean): Probe {
  return {
    name,
    kind,
    tries,
    async attack({ attacker, victim }) {
      const servers = await serversOf(victim, wanted);
      if (servers.length === 0) return [untried(`engines of ${victim.name}`, noServers)];
      const mine = await serversOf(attacker, isAny);
      const attempts = await Promise.all(servers.map((server) => attackServer(attacker, mine, victim, server)));
      return attempts.flat();
    },
  };
}

export const foreignAccounts = accountsProbe(
  'foreign-accounts',
  'database',
  'accounts and passwords of one version, and none, on every store of another',
  isStore,
);

export const foreignBusAccounts = accountsProbe(
  'foreign-bus-accounts',
  'data',
  'accounts and passwords of one version, and none, on the bus of another with its streams and queues',
  isBus,
);

export const sameServer: Probe = {
  name: 'same-server',
  kind: 'database',
  tries: 'one server that serves two versions, by what it calls itself',
  async attack({ attacker, victim }) {
    const [mine, theirs] = await Promise.all([serversOf(attacker, isAny), serversOf(victim, isAny)]);
    const pairs = theirs.flatMap((one) =>
      mine.filter(({ door }) => door === one.door).map((own) => [own, one] as const),
    );
    if (pairs.length === 0) return [untried(`servers of ${attacker.name} and ${victim.name}`, noServers)];
    return Promise.all(pairs.map(([own, one]) => compare(attacker.name, own, victim.name, one)));
  },
};

async function compare(attacker: string, mine: Server, victim: string, theirs: Server): Promise<Attempt> {
  const tried = `${mine.part} of ${attacker} is the server of ${theirs.part} of ${victim}`;
  if (mine.target.url.host === theirs.target.url.host) return crossed(tried, 'the same host and port');
  try {
    const [one, other] = await Promise.all([mine, theirs].map(({ door, target }) => door.identity(target)));
    if (one === null || other === null) return untried(tried, 'it does not say which server it is');
    return one === other ? crossed(tried, 'it calls itself the same') : held(tried, 'they call themselves differently');
  } catch (error) {
    return untried(tried, reasonOf(error));
  }
}

export const markersInServers: Probe = {
  name: 'markers-in-servers',
  kind: 'data',
  tries: 'what was written into one version, in every table, key, document and message of another’s servers',
  async attack(border: Border) {
    const { attacker, victim, markers } = border;
    const what = `marker of ${attacker.name} in ${victim.name}`;
    const marker = markers.get(attacker.name) ?? { missing: 'nothing was written' };
    if ('missing' in marker) return [untried(what, `${attacker.name}: ${marker.missing}`)];
    const [mine, theirs] = await Promise.all([serversOf(attacker, isAny), serversOf(victim, isAny)]);
    if (theirs.length === 0) return [untried(what, noServers)];
    const words = wordsOf(marker);
    return Promise.all(
      theirs.map((server) =>
        search(
          `${what}: ${server.part}`,
          mine.find(({ part }) => part === server.part),
          server,
          words,
        ),
      ),
    );
  },
};

async function search(
  tried: string,
  home: Server | undefined,
  there: Server,
  words: readonly string[],
): Promise<Attempt> {
  try {
    const [own, found] = await Promise.all([
      home?.door.holds(home.target, words),
      there.door.holds(there.target, words),
    ]);
    if (found === true) return crossed(tried, 'found');
    if (found === null) return untried(tried, 'it can’t be looked through');
    return own === true ? held(tried, 'not found; at home it is') : untried(tried, 'not found at home either');
  } catch (error) {
    return untried(tried, reasonOf(error));
  }
}
