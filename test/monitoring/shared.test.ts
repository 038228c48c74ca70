/** compose/shared/ watches every version and shares nothing with any but its edge network and a key that opens /metrics. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { overlaysOf } from '@mindora/cli/versions/overlays';
import { readPage } from '../docs/markdown.ts';
import { readDashboards, readShared, sharedFiles } from '../support/monitoring.ts';
import { ROOT } from '../tidy/source.ts';

type Fields = Readonly<Record<string, unknown>>;

interface Compose {
  readonly services: Readonly<Record<string, Fields>>;
  readonly networks?: Readonly<Record<string, Fields>>;
  readonly secrets?: Readonly<Record<string, Fields>>;
}

const readText = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const compose = readShared<Compose>('compose.yaml');
const services = Object.entries(compose.services);
const names = readdirSync(join(ROOT, 'versions')).map((file) => file.replace(/\.yaml$/, ''));

describe('compose/shared/compose.yaml', () => {
  it.each(services)('runs %s bounded and without rights', (name, service) => {
    expect(service).toMatchObject({
      profiles: ['shared'],
      image: expect.stringMatching(/^docker\.io\/[\w/-]+:v?\d+\.\d+\.\d+$/),
      user: expect.stringMatching(/^\d+:\d+$/),
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      pids_limit: expect.any(Number),
      cpus: expect.any(Number),
      mem_limit: expect.stringMatching(/^\d+m$/),
      memswap_limit: service.mem_limit,
      logging: { driver: 'json-file', options: { 'max-size': expect.any(String), 'max-file': expect.any(String) } },
    });
    expect(service.privileged).toBeUndefined();
    // Root for the moment that it takes to give a volume to somebody else, and without any network.
    const isRoot = /^0:/.test(String(service.user));
    expect([name, isRoot, service.network_mode, service.cap_add]).toEqual(
      name === 'logs-volume' ? [name, true, 'none', ['CHOWN']] : [name, false, undefined, undefined],
    );
    if (!isRoot) expect(service).toHaveProperty('healthcheck.test');
  });

  it('listens on loopback only, and mounts neither data nor a socket of the engine', () => {
    const ports = services.flatMap(([, { ports: found = [] }]) => found as string[]);
    expect(ports.length).toBeGreaterThan(3);
    expect(ports.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([]);
    const mounts = services.flatMap(([, { volumes = [] }]) => volumes as string[]);
    expect(
      mounts.filter((mount) => !/^(\.\/(prometheus|alertmanager|grafana)\/.*:ro|[a-z]+-data:\/\w.*)$/.test(mount)),
    ).toEqual([]);
  });

  it('joins no network but its own', () => {
    expect(Object.keys(compose.networks ?? {})).toEqual(['shared']);
  });

  it('holds no secret', () => {
    const files = Object.values(compose.secrets ?? {}).map(({ file }) => String(file));
    expect(files.every((file) => file.startsWith('./secrets/'))).toBe(true);
    expect(readText('.gitignore')).toContain('/compose/shared/secrets/\n');
  });
});

describe('overlays', () => {
  it.each(names)('of %s are there as they are made', (name) => {
    for (const { path, text } of overlaysOf(name)) expect([path, readText(`compose/${path}`)]).toEqual([path, text]);
  });

  it('are there for no other version', () => {
    const expected = names.flatMap((name) => overlaysOf(name)).map(({ path }) => path.replace(/^shared\//, ''));
    const found = ['versions', 'logs', 'prometheus/versions'].flatMap(sharedFiles);
    expect(found.sort()).toEqual(expected.sort());
  });

  it.each(names)('of %s name no other version, and only its edge network', (name) => {
    for (const { path, text } of overlaysOf(name)) {
      expect([path, names.filter((other) => other !== name && text.includes(other))]).toEqual([path, []]);
    }
    const watch = readShared<Compose>(`versions/${name}.yaml`);
    const variable = `${name.toUpperCase().replaceAll('-', '_')}_EDGE_NETWORK`;
    expect(watch.networks).toEqual({ [`${name}-edge`]: { name: `\${${variable}:-${name}-edge}`, external: true } });
    expect(Object.keys(watch.services)).toEqual(['prometheus']);
  });

  it('send the log of the version itself, and of no engine', () => {
    for (const name of names) expect(Object.keys(readShared<Compose>(`logs/${name}.yaml`).services)).toEqual([name]);
  });
});

describe('Grafana', () => {
  it('finds each dashboard by an id of its own, with a title on every panel', () => {
    const dashboards = readDashboards();
    expect(new Set(dashboards.map(({ uid }) => uid)).size).toBe(dashboards.length);
    for (const { uid, panels } of dashboards) {
      expect([uid, panels.filter(({ title }) => title === '')]).toEqual([uid, []]);
    }
    expect(compose.services.grafana).toHaveProperty(
      'environment.GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH',
      '/var/lib/mindora/dashboards/versions.json',
    );
  });

  it('asks the data source that it is given', () => {
    const { datasources } = readShared<{ datasources: { uid: string }[] }>(
      'grafana/provisioning/datasources/datasources.yaml',
    );
    const used = new Set(
      readDashboards().flatMap((dashboard) => JSON.stringify(dashboard).match(/"uid":"prometheus"/g)),
    );
    expect([datasources.map(({ uid }) => uid), used.size]).toEqual([['prometheus'], 1]);
  });
});

it('docs/monitoring.md names every variable of compose/shared/', () => {
  const texts = ['compose.yaml', ...sharedFiles('logs')].map((file) => readText(`compose/shared/${file}`));
  const variables = new Set(texts.flatMap((text) => [...text.matchAll(/\$\{(\w+)/g)].map(([, name]) => String(name))));
  const page = readPage('docs/monitoring.md').text;
  expect([...variables].filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
});
