/** Credentials of one version at the gateway of another. */
import type { RouteDefinition } from '@mindora/contracts';
import { routes } from '@mindora/contracts/routes';
import { type Secret, systemClock } from '@mindora/runtime';
import { createTokens } from '@mindora/runtime/tokens';
import { ask, pathOf } from '../http.ts';
import type { GatewayAccess, Party } from '../party.ts';
import { type Attempt, type Border, crossed, held, type Probe, reasonOf, untried } from '../probe.ts';

const administrator = 'admin_001';
/** No record is called so, and no body is a mere text: a gateway that lets the attacker in does nothing. */
const nobody = 'isolation-nobody';
const noBody = 'isolation';

interface Door {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
}

const guarded = routes.filter(({ access }) => access === 'authenticated');
const whoAmI: Door = { method: 'GET', path: '/api/v1/auth/me' };

function doorOf(route: RouteDefinition): Door {
  const path = pathOf(route, {}, nobody);
  return route.body === undefined ? { method: route.method, path } : { method: route.method, path, body: noBody };
}

/** Some of each sort: whoever is known on one is known on all. */
const fewDoors: readonly Door[] = [
  whoAmI,
  ...guarded
    .filter(({ action }) => ['sync.status', 'conversation.create', 'identity.keys'].includes(action))
    .map(doorOf),
];

export const foreignKey: Probe = {
  name: 'foreign-key',
  kind: 'application',
  tries: 'the administrator’s API key of another version, on every route that needs one',
  attack: (border) => attack(border, 'API key', border.attacker.gateway?.adminKey?.reveal(), guarded.map(doorOf)),
};

export const foreignMetricsKey: Probe = {
  name: 'foreign-metrics-key',
  kind: 'application',
  tries: 'the monitoring’s key of another version, on /metrics and on routes',
  attack: (border) => {
    const doors = [{ method: 'GET', path: '/metrics' }, ...fewDoors];
    return attack(border, 'metrics key', secretOf(border.attacker, 'metrics.key')?.reveal(), doors);
  },
};

export const foreignToken: Probe = {
  name: 'foreign-token',
  kind: 'application',
  tries: 'a login token that another version has signed',
  attack: async (border) => attack(border, 'token', await tokenBy(border.attacker, border.attacker.name), fewDoors),
};

export const forgedToken: Probe = {
  name: 'forged-token',
  kind: 'application',
  tries: 'a login token in a version’s name, signed with another version’s secret',
  attack: async (border) =>
    attack(border, 'forged token', await tokenBy(border.attacker, border.victim.name), fewDoors),
};

function secretOf({ secrets }: Party, wanted: string): Secret | undefined {
  return secrets.find(({ name }) => name === wanted)?.value;
}

async function tokenBy(signer: Party, issuer: string): Promise<string | undefined> {
  const secret = secretOf(signer, 'what signs tokens');
  return secret === undefined ? undefined : createTokens({ secret, issuer, clock: systemClock() }).sign(administrator);
}

async function attack(
  { attacker, victim }: Border,
  what: string,
  credential: string | undefined,
  doors: readonly Door[],
): Promise<Attempt[]> {
  const tried = `${what} of ${attacker.name} at the gateway of ${victim.name}`;
  if (credential === undefined) return [untried(tried, `${attacker.name} has none here`)];
  const { gateway } = victim;
  if (gateway === null) return [untried(tried, `${victim.name} is not running`)];
  const closed = await reasonNotOpen(gateway);
  if (closed !== null) return [untried(tried, closed)];
  const attempts: Attempt[] = [];
  for (const door of doors) attempts.push(await knock(gateway.url, door, credential, `${what} of ${attacker.name}`));
  return attempts;
}

/** A door that doesn't open to its owner proves nothing by staying closed. Null: it opens. */
async function reasonNotOpen({ url, adminKey }: GatewayAccess): Promise<string | null> {
  if (adminKey === null) return 'its own key is not here, so nobody could be let in';
  try {
    const { status } = await ask(url + whoAmI.path, { credential: adminKey.reveal() });
    return status === 200 ? null : `its own key is answered with ${status}`;
  } catch (error) {
    return reasonOf(error);
  }
}

async function knock(url: string, door: Door, credential: string, what: string): Promise<Attempt> {
  const tried = `${what}: ${door.method} ${door.path}`;
  try {
    const { status } = await ask(url + door.path, { ...door, credential });
    if (status === 401) return held(tried, '401');
    if (status === 429 || status >= 500) return untried(tried, String(status));
    return (await isOpenToAll(url, door))
      ? untried(tried, `${status}, as without a key`)
      : crossed(tried, String(status));
  } catch (error) {
    return untried(tried, reasonOf(error));
  }
}

/** Metrics may be open to everybody by a setting (MINDORA_METRICS_PUBLIC): then no key counts. */
async function isOpenToAll(url: string, { path }: Door): Promise<boolean> {
  return path === '/metrics' && (await ask(url + path)).status === 200;
}
