/** All that is looked at in a running lab, and the report of it. */
import { loadManifest } from '@mindora/cli/versions/manifest';
import { MindoraError } from '@mindora/runtime';
import type { Host } from '../host.ts';
import { ownImage, standIns } from '../images.ts';
import {
  healthOf,
  type Inspected,
  inspectAll,
  limitsOf,
  logRotation,
  logsOf,
  nothingShared,
  privilegesOf,
} from './containers.ts';
import { accountsRefused, busRefuses, dataOf, networksApart, noWayOut } from './data.ts';
import { type Finding, looked, notHere } from './finding.ts';
import { fourthVersion } from './fourth.ts';

interface CheckOptions {
  /** Name of a version that is made, looked at and removed; undefined: none. */
  readonly fourth: string | undefined;
  readonly tell: (line: string) => void;
  readonly print: (line: string) => void;
}

/** @returns whether nothing failed; what can't be seen here is told, and fails nothing */
export async function checkLab(host: Host, versions: readonly string[], options: CheckOptions): Promise<boolean> {
  const { tell, print } = options;
  const all = new Map<string, readonly Inspected[]>();
  const found: Finding[] = [];
  const add = (findings: readonly Finding[]): void => {
    for (const finding of findings) print(lineOf(finding));
    found.push(...findings);
  };
  await host.podman?.checkHealth('healthy');
  for (const version of versions) all.set(version, await inspectAll(host, version));
  if ([...all.values()].every((containers) => containers.length === 0)) {
    throw new MindoraError('not_found', 'no version is up in the lab: npm run lab -- up');
  }
  for (const [version, containers] of all) add(await aloneFindings(host, version, containers));
  add([nothingShared(all), ...(await looked('logs rotate', () => logRotation(host, ownImage())))]);
  tell("each version's accounts, names and addresses at the others ...");
  for (const of of versions) {
    for (const at of versions.filter((other) => other !== of))
      add(await betweenFindings(host, of, at, all.get(at) ?? []));
  }
  if (options.fourth !== undefined) add(await fourthVersion(host, options.fourth, tell));
  add(hostFindings(host));
  const failures = found.filter(({ ok }) => ok === false).length;
  const unseen = found.filter(({ ok }) => ok === null).length;
  print(`\n${found.length - failures - unseen} passed, ${failures} failed, ${unseen} not to be seen here`);
  return failures === 0;
}

function lineOf({ check, ok, detail }: Finding): string {
  const word = ok === null ? 'not here' : ok ? 'ok' : 'FAILED';
  return `${word.padEnd(9)}${check}: ${detail}`;
}

async function aloneFindings(host: Host, version: string, containers: readonly Inspected[]): Promise<Finding[]> {
  const gateways = containers.flatMap(({ NetworkSettings }) =>
    Object.values(NetworkSettings.Networks).map(({ Gateway }) => Gateway),
  );
  return [
    healthOf(version, containers),
    ...(await looked(`${version}: privileges`, async () => privilegesOf(version, containers))),
    ...(await looked(`${version}: limits`, async () => limitsOf(version, containers))),
    ...(await looked(`${version}: logs bounded`, () => logsOf(host, version, containers))),
    ...(await looked(`${version}: no way out`, () => noWayOut(host, version, gateways))),
    ...(await dataOf(host, version)),
  ];
}

async function betweenFindings(host: Host, of: string, at: string, theirs: readonly Inspected[]): Promise<Finding[]> {
  const [own, other] = [of, at].map((name) => loadManifest(host.places.manifests, name));
  if (own === undefined || other === undefined) return [];
  const addresses = theirs.flatMap(({ NetworkSettings }) =>
    Object.values(NetworkSettings.Networks).map(({ IPAddress }) => IPAddress),
  );
  const used = [...new Set(addresses)].filter((address) => address !== '');
  return [
    ...(await looked(`${of}'s accounts at ${at}`, () => accountsRefused(host, own, other))),
    ...(await looked(`${of}'s account at ${at}'s nats`, () => busRefuses(host, own, other))),
    ...(await looked(`from ${of}'s container`, () => networksApart(host, own, other, used))),
  ];
}

/** What this engine can't show, by name. */
function hostFindings(host: Host): Finding[] {
  if (host.podman === null) return [];
  return [
    ...[...standIns].map(([product, what]) => notHere(`published image of ${product}`, `${what} stood in for it`)),
    notHere('health checks by the engine itself', 'Podman leaves them to systemd; the lab runs them'),
    notHere("Docker's own bridges", "Podman's were tried"),
  ];
}
