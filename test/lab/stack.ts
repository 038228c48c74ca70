/** Whole versions come up, are looked at and go. */
import { existsSync, rmSync } from 'node:fs';
import { loadManifests } from '@mindora/cli/versions/manifest';
import { MindoraError } from '@mindora/runtime';
import type { Host } from './host.ts';

type Tell = (line: string) => void;

/** Brings versions up, each with secrets of its own, and waits until all containers are healthy. */
export async function bringUp(host: Host, versions: readonly string[], tell: Tell): Promise<void> {
  await host.assertNobodyElses(versions);
  host.copyFiles();
  for (const name of versions) await host.mindora(['version', 'secrets', name]);
  tell(`docker compose up: ${versions.join(', ')} ...`);
  await host.compose(versions, ['up', '--detach', '--wait', '--no-build']);
  tell('all containers are healthy');
}

/** Containers, volumes and networks go, and the files with the secrets; images where that is asked for. */
export async function bringDown(host: Host, { images, tell }: { images: boolean; tell: Tell }): Promise<void> {
  if (host.hasFiles()) {
    const versions = loadManifests(host.places.manifests).map(({ name }) => name);
    await host.compose(versions, ['down', '--volumes', '--remove-orphans', '--timeout', '20']);
  }
  rmSync(host.places.compose, { recursive: true, force: true });
  rmSync(host.places.manifests, { recursive: true, force: true });
  const left = await leftovers(host);
  if (left.length > 0) throw new MindoraError('internal', `left behind: ${left.join(', ')}`);
  host.podman?.endMonitors();
  tell('no container, volume, network or process is left');
  if (!images) return;
  await host.podman?.erase();
  rmSync(host.directory, { recursive: true, force: true });
  tell(existsSync(host.directory) ? `${host.directory} could not be removed` : 'nor an image, nor a file');
}

/** What there still is of Mindora's versions, or of one of them. */
export async function leftovers(host: Host, version = ''): Promise<string[]> {
  const looks: readonly (readonly [kind: string, args: readonly string[]])[] = [
    ['container', ['ps', '--all', '--format', '{{.Names}}']],
    ['volume', ['volume', 'ls', '--format', '{{.Name}}']],
    ['network', ['network', 'ls', '--format', '{{.Name}}']],
  ];
  const names = version === '' ? ['mindora', '-network', '-edge', '-ports'] : [version];
  const found: string[] = [];
  for (const [kind, args] of looks) {
    const lines = (await host.docker(args)).split('\n').filter((line) => names.some((name) => line.includes(name)));
    found.push(...lines.map((line) => `${kind} ${line}`));
  }
  return found;
}

export async function showStatus(host: Host, print: (line: string) => void): Promise<boolean> {
  for (const state of ['healthy', 'unhealthy', 'starting'] as const) await host.podman?.checkHealth(state);
  print((await host.docker(['ps', '--all', '--format', 'table {{.Names}}\t{{.Status}}\t{{.Image}}'])).trimEnd());
  print((await host.docker(['images', '--format', 'table {{.Repository}}:{{.Tag}}\t{{.Size}}'])).trimEnd());
  return true;
}
