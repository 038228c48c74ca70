/** The gateway of a version in its container, with the keys that lie in its volume. */
import { isApiKey, Secret } from '@mindora/runtime';
import type { GatewayAccess, NamedSecret } from '../party.ts';
import type { ContainerView } from './containers.ts';

/** Of the gateway inside a container (compose/). */
const gatewayPort = 8206;

export interface FoundInContainer {
  readonly gateway: GatewayAccess | null;
  readonly secrets: readonly NamedSecret[];
}

const nothing: FoundInContainer = { gateway: null, secrets: [] };

/** Looks for the container that is called as the version is. */
export async function findGateway(name: string, containers: readonly ContainerView[]): Promise<FoundInContainer> {
  const view = containers.find(({ service, running }) => service === name && running);
  const published = view?.published.find(({ inside }) => inside === gatewayPort);
  if (view === undefined || published === undefined) return nothing;
  const directory = `${view.command[view.command.indexOf('--data') + 1] ?? ''}/${name}`;
  const admin = await keyIn(view, `${directory}/admin.key`);
  const metrics = await keyIn(view, `${directory}/metrics.key`);
  return {
    gateway: { url: `http://127.0.0.1:${published.port}`, adminKey: admin, pid: null },
    secrets: [
      ...named('admin.key', admin),
      ...named('metrics.key', metrics),
      ...(await signingSecretsIn(view, `${directory}/secrets.json`)),
    ],
  };
}

function named(name: string, value: Secret | null): NamedSecret[] {
  return value === null ? [] : [{ name, value }];
}

async function keyIn(view: ContainerView, file: string): Promise<Secret | null> {
  const text = await contentOf(view, file);
  return isApiKey(text) ? new Secret(text) : null;
}

async function signingSecretsIn(view: ContainerView, file: string): Promise<NamedSecret[]> {
  const text = await contentOf(view, file);
  if (!text.startsWith('{')) return [];
  const { jwt, master } = JSON.parse(text) as { jwt?: string; master?: string };
  return [
    ...named('what signs tokens', jwt === undefined ? null : new Secret(jwt)),
    ...named('what encrypts provider keys', master === undefined ? null : new Secret(master)),
  ];
}

async function contentOf({ exec }: ContainerView, file: string): Promise<string> {
  const { code, output } = await exec(['cat', file]);
  return code === 0 ? output.trim() : '';
}
