/** Compose files that are made from the manifests: a profile a version, and nothing that two versions share. */
import { dirname } from 'node:path';
import { Document, isScalar, visit } from 'yaml';
import { type EngineContainer, engineContainersOf, type Fields } from './engine-containers.ts';
import type { Manifest } from './manifest.ts';
import { variablePrefixOf } from './names.ts';
import type { ResourceName } from './resources.ts';

/** Images of the products, as compose/engines.yaml pins them, and of our own. */
export interface Images {
  readonly products: Readonly<Record<string, string>>;
  readonly mindora: string;
}

const gatewayPort = 8206;
const lineWidth = 120;

/** Every container (C15). */
const container: Fields = {
  restart: 'unless-stopped',
  cap_drop: ['ALL'],
  security_opt: ['no-new-privileges:true'],
};
const engine: Fields = { ...container, pids_limit: 1024, stop_grace_period: '60s' };
const mindora: Fields = {
  ...container,
  build: { context: '..', dockerfile: 'compose/Dockerfile' },
  init: true,
  user: '1000:1000',
  read_only: true,
  tmpfs: ['/tmp:size=64m,mode=1777,noexec,nosuid,nodev'],
  pids_limit: 256,
  // A version drains what it has accepted; then it ends by itself.
  stop_grace_period: '20s',
  healthcheck: {
    // Without spaces: Podman 4 splits it at them.
    test: ['CMD', 'node', '-e', `fetch("http://127.0.0.1:${gatewayPort}/health").then(r=>process.exit(r.ok?0:1))`],
    interval: '10s',
    timeout: '5s',
    retries: 3,
    start_period: '30s',
  },
};
const health: Fields = { interval: '5s', timeout: '20s', retries: 30, start_period: '120s' };
/** Docker keeps its bridges apart by itself; Podman only those that ask for it, with an option that Docker ignores. */
const network: Fields = { driver: 'bridge', driver_opts: { isolate: 'true' } };
/** Who is on it only answers the host; where the container engine heeds the options, nobody else, and no way out. */
const portsNetwork: Fields = {
  driver: 'bridge',
  driver_opts: {
    isolate: 'true',
    'com.docker.network.bridge.enable_icc': 'false',
    'com.docker.network.bridge.enable_ip_masquerade': 'false',
  },
};

/** compose/compose.yaml: whole versions on the products themselves. */
export function composeText(manifests: readonly Manifest[], images: Images): string {
  const head = [
    'Made from versions/ by "npm run compose", which a test compares: change the manifests, or scripts/src/versions/.',
    '',
    'One profile a version: gateway, services and sync in one container, an engine in each of the others. Versions share',
    'nothing but images and the files in config/, which hold no secret. README.md tells how to run them.',
  ];
  return textOf(head, {
    name: 'mindora',
    'x-mindora': mindora,
    'x-engine': engine,
    'x-health': health,
    'x-network': network,
    'x-ports': portsNetwork,
    services: merged(manifests.map((manifest) => servicesOf(manifest, images))),
    networks: merged(manifests.map(networksOf)),
    volumes: merged(manifests.map(volumesOf)),
    secrets: merged(manifests.map(secretsOf)),
    configs: {
      ...merged(manifests.map(manifestConfig)),
      'mysql-init': { file: './config/mysql-init.sh' },
      'postgres-init': { file: './config/postgres-init.sh' },
      'mongodb-init': { file: './config/mongodb-init.js' },
      nats: { file: './config/nats.conf' },
    },
  });
}

/** compose/embedded.yaml: the same versions on embedded engines, one container each. */
export function embeddedText(manifests: readonly Manifest[], images: Images): string {
  const head = [
    'Made from versions/ by "npm run compose", which a test compares: change the manifests, or scripts/src/versions/.',
    '',
    'One profile a version, each in one container on embedded engines, for small machines. README.md tells how to run it.',
  ];
  return textOf(head, {
    name: 'mindora-embedded',
    'x-mindora': mindora,
    'x-network': network,
    services: merged(manifests.map((manifest) => ({ [manifest.name]: embeddedService(manifest, images) }))),
    networks: merged(
      manifests.map(({ name }) => ({ [`${name}-network`]: { '<<': network, name: `${name}-embedded` } })),
    ),
    volumes: merged(manifests.map(({ name }) => ({ [`${name}-data`]: { name: `mindora-${name}-data` } }))),
    configs: merged(manifests.map(manifestConfig)),
  });
}

/** The image is older than a version that was made after it: the manifest comes from outside. */
function manifestConfig({ name }: Manifest): Fields {
  return { [`${name}-manifest`]: { file: `../versions/${name}.yaml` } };
}

function embeddedService(manifest: Manifest, images: Images): Fields {
  const { name } = manifest;
  const prefix = variablePrefixOf(manifest);
  const { memory, cpus } = manifest.resources.mindora;
  return {
    '<<': mindora,
    ...mindoraFields(manifest, images),
    command: ['up', '--host', '0.0.0.0', '--data', '/data', '--version', name],
    cpus: `\${${prefix}_CPUS:-${cpus}}`,
    mem_limit: `\${${prefix}_MEMORY:-${memory}}`,
    memswap_limit: `\${${prefix}_MEMORY:-${memory}}`,
    networks: [`${name}-network`],
    volumes: [`${name}-data:/data`],
    configs: manifestOf(manifest),
  };
}

function manifestOf({ name }: Manifest): Fields[] {
  return [{ source: `${name}-manifest`, target: `/app/versions/${name}.yaml` }];
}

/** What a version's own container has on every kind of engines. */
function mindoraFields(manifest: Manifest, images: Images): Fields {
  const { name, gateway } = manifest;
  const prefix = variablePrefixOf(manifest);
  return {
    profiles: [name],
    image: `\${${prefix}_IMAGE:-${images.mindora}}`,
    env_file: [{ path: `${name}.env`, required: false }],
    ports: [publishedPort(prefix, 'PORT', gateway.port, gatewayPort)],
    logging: loggingOf(manifest),
  };
}

function publishedPort(prefix: string, variable: string, host: number, inside: number): string {
  return `127.0.0.1:\${${prefix}_${variable}:-${host}}:${inside}`;
}

function loggingOf({ retention }: Manifest): Fields {
  const options = { 'max-size': `${retention.log_file_mb}m`, 'max-file': String(retention.log_files) };
  return { driver: 'json-file', options };
}

function limitsOf({ resources }: Manifest, name: ResourceName): Fields {
  const { memory, cpus } = resources[name];
  return { cpus, mem_limit: memory, memswap_limit: memory };
}

function servicesOf(manifest: Manifest, images: Images): Fields {
  const engines = Object.entries(engineContainersOf(manifest));
  const needs = engines.map(([name]) => [`${manifest.name}-${name}`, { condition: 'service_healthy' }]);
  return {
    [manifest.name]: { ...ownService(manifest, images), depends_on: Object.fromEntries(needs) },
    [`${manifest.name}-ports`]: portsService(manifest, images),
    ...Object.fromEntries(
      engines.map(([name, one]) => [
        `${manifest.name}-${name}`,
        engineService(manifest, name as ResourceName, one, images),
      ]),
    ),
  };
}

function ownService(manifest: Manifest, images: Images): Fields {
  const { name, engines } = manifest;
  return {
    '<<': mindora,
    ...mindoraFields(manifest, images),
    command: ['up', '--host', '0.0.0.0', '--data', dirname(engines.sqlite.directory), '--version', name],
    environment: { MINDORA_ENGINES: 'real', MINDORA_ENGINES_FILE: '/run/secrets/engines' },
    ...limitsOf(manifest, 'mindora'),
    networks: [`${name}-network`, `${name}-edge`],
    volumes: [`${name}-user-data:/data`],
    secrets: [{ source: `${name}-mindora-engines`, target: 'engines' }],
    configs: manifestOf(manifest),
  };
}

/** A port that only says that the container is there. */
const forwardHealthPort = 60_000;

/** An internal network can't publish ports: engines' come to the host by way of this container. */
function portsService(manifest: Manifest, images: Images): Fields {
  const { name } = manifest;
  const prefix = variablePrefixOf(manifest);
  const ports = Object.entries(engineContainersOf(manifest)).flatMap(([engineName, one]) =>
    one.ports.map((port) => ({ ...port, to: `${name}-${engineName}:${port.inside}` })),
  );
  const look = `require("net").connect(${forwardHealthPort},"127.0.0.1").on("connect",()=>process.exit(0))`;
  return {
    '<<': mindora,
    ...mindoraFields(manifest, images),
    ...limitsOf(manifest, 'ports'),
    env_file: [],
    ports: ports.map(({ variable, host }) => publishedPort(prefix, variable, host, host)),
    entrypoint: ['node', 'scripts/src/versions/forward-main.ts', String(forwardHealthPort)],
    command: ports.map(({ host, to }) => `${host}=${to}`),
    networks: [`${name}-network`, `${name}-ports`],
    healthcheck: { '<<': health, test: ['CMD', 'node', '-e', `${look}.on("error",()=>process.exit(1))`] },
  };
}

function engineService(manifest: Manifest, name: ResourceName, one: EngineContainer, images: Images): Fields {
  const version = manifest.name;
  const prefix = variablePrefixOf(manifest);
  const configs = Object.entries(one.configs ?? {}).map(([source, target]) => ({ source, target }));
  return {
    '<<': engine,
    profiles: [version],
    image: `\${${prefix}_${name.toUpperCase()}_IMAGE:-${images.products[one.product]}}`,
    ...one.fields,
    ...limitsOf(manifest, name),
    logging: loggingOf(manifest),
    networks: [`${version}-network`],
    volumes: Object.entries(one.volumes).map(([end, path]) => `${volumeName(version, name, end)}:${path}`),
    secrets: Object.entries(one.secrets).map(([target, source]) => ({ source: `${version}-${source}`, target })),
    ...(configs.length === 0 ? {} : { configs }),
    healthcheck: { '<<': health, test: ['CMD-SHELL', one.health] },
  };
}

function volumeName(version: string, engineName: string, end: string): string {
  return [version, engineName, end].filter((part) => part !== '').join('-');
}

function networksOf({ name }: Manifest): Fields {
  return {
    [`${name}-network`]: { '<<': network, name: `${name}-network`, internal: true },
    [`${name}-edge`]: { '<<': network, name: `${name}-edge` },
    [`${name}-ports`]: { '<<': portsNetwork, name: `${name}-ports` },
  };
}

const memory: Fields = { driver_opts: { type: 'tmpfs', device: 'tmpfs', o: 'mode=1777' } };

function volumesOf(manifest: Manifest): Fields {
  const { name, engines } = manifest;
  const ofEngines = Object.entries(engineContainersOf(manifest)).flatMap(
    ([engineName, one]: [string, EngineContainer]) =>
      Object.keys(one.volumes).map((end): [string, Fields] => {
        const volume = volumeName(name, engineName, end);
        return [volume, { name: `mindora-${volume}`, ...(one.inMemory?.includes(end) ? memory : {}) }];
      }),
  );
  return {
    [`${name}-user-data`]: { name: `mindora-${name}-${engines.sqlite.database}` },
    ...Object.fromEntries(ofEngines),
  };
}

function secretsOf(manifest: Manifest): Fields {
  const { name } = manifest;
  const directory = `\${${variablePrefixOf(manifest)}_SECRETS:-./secrets/${name}}`;
  const ofEngines = Object.values(engineContainersOf(manifest)).flatMap(({ secrets }) => Object.values(secrets));
  const all = ['mindora-engines', ...ofEngines];
  return Object.fromEntries(all.map((secret) => [`${name}-${secret}`, { file: `${directory}/${secret}` }]));
}

function merged(parts: readonly Fields[]): Fields {
  return Object.assign({}, ...parts) as Fields;
}

/** YAML in which what several have in common is written once, under the name of its `x-` field. */
function textOf(head: readonly string[], content: Fields): string {
  // Compose also reads YAML 1.1, where `yes` and `1000:0` are no texts.
  const compat = { compat: 'yaml-1.1' } as const;
  const document = new Document(content, { aliasDuplicateObjects: true, anchorPrefix: 'common', ...compat });
  const names = new Map<string, string>();
  visit(document, {
    Pair(_key, { key, value }) {
      const anchor = (value as { anchor?: string } | null)?.anchor;
      if (anchor === undefined || !isScalar(key)) return;
      const name = String(key.value).replace(/^x-/, '');
      names.set(anchor, name);
      (value as { anchor?: string }).anchor = name;
    },
    Alias(_key, alias) {
      alias.source = names.get(alias.source) ?? alias.source;
    },
    Seq(_key, sequence) {
      sequence.flow = sequence.items.every(isScalar) && String(sequence).length < lineWidth - 30;
    },
  });
  const comment = head.map((line) => (line === '' ? '#' : `# ${line}`)).join('\n');
  const text = document.toString({ lineWidth, singleQuote: true, flowCollectionPadding: false });
  // The key that merges is none with quotes.
  return `${comment}\n${text.replaceAll("'<<': *", '<<: *')}`;
}
