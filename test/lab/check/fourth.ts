/** A version that one command makes: up on its engines, verified, and removed without a trace. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Host } from '../host.ts';
import { leftovers } from '../stack.ts';
import { healthOf, inspectAll } from './containers.ts';
import { dataOf } from './data.ts';
import { allOf, type Finding, looked, passed } from './finding.ts';

type Tell = (line: string) => void;

export async function fourthVersion(host: Host, name: string, tell: Tell): Promise<Finding[]> {
  const before = filesOf(host);
  const found: Finding[] = [];
  try {
    found.push(
      ...(await looked(`${name}: made and up`, async () => {
        const began = performance.now();
        await host.mindora(['version', 'new', name]);
        tell(`docker compose up: ${name} ...`);
        await host.compose([name], ['up', '--detach', '--wait', '--no-build']);
        return passed(`${name}: made and up`, `in ${Math.ceil((performance.now() - began) / 1000)} s`);
      })),
    );
    found.push(healthOf(name, await inspectAll(host, name)), ...(await dataOf(host, name)));
  } finally {
    tell(`docker compose down: ${name} ...`);
    found.push(...(await looked(`${name}: removed without a trace`, () => removed(host, name, before))));
  }
  return found;
}

async function removed(host: Host, name: string, before: ReadonlyMap<string, string>): Promise<Finding> {
  await host.compose([name], ['down', '--volumes', '--timeout', '20']);
  await host.mindora(['version', 'remove', name, '--yes']);
  const files = filesOf(host);
  const wrong = [...(await leftovers(host, name)), ...differences(before, files)];
  return allOf(
    `${name}: removed without a trace`,
    wrong,
    files.size,
    'files as before; no container, volume or network',
  );
}

/** Files of the lab's versions/ and compose/, secrets among them, with what is in them. */
function filesOf(host: Host): ReadonlyMap<string, string> {
  const roots = [host.places.manifests, host.places.compose].filter(existsSync);
  return new Map(
    roots.flatMap((root) =>
      readdirSync(root, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map(({ parentPath, name }): [string, string] => {
          const path = join(parentPath, name);
          return [path, readFileSync(path, 'utf8')];
        }),
    ),
  );
}

function differences(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): string[] {
  const paths = new Set([...before.keys(), ...after.keys()]);
  return [...paths].filter((path) => before.get(path) !== after.get(path)).map((path) => `file ${path}`);
}
