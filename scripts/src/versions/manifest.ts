/**
 * The manifest of a version: one file in versions/ that says all in which it differs from the others (A3). Unknown names
 * are refused, and every mistake is told at once with its path.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Role, roles } from '@mindora/contracts';
import { MindoraError } from '@mindora/runtime';
import { parse as parseYaml, YAMLParseError } from 'yaml';
import { z } from 'zod';
import { megabytesOf, resourceNames } from './resources.ts';

/** Where the manifests are that the program itself runs by. */
export const manifestsDirectory: string = fileURLToPath(new URL('../../../versions/', import.meta.url));

/** Names that accounts of the engines, parts of compose/ or the option `--version` would confuse. */
const reservedNames: readonly string[] = [
  ...['admin', 'config', 'default', 'elastic', 'embedded', 'engines', 'mindora', 'mongodb', 'mysql', 'neo4j', 'none'],
  ...['postgres', 'root', 'secrets', 'shared', 'true', 'false', 'yes', 'no', 'on', 'off', 'null'],
];

/** Short enough for the longest name that is made of it, an account of MySQL: 32. */
const nameSchema = z
  .string()
  .regex(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/, 'must be small letters, digits and single dashes, a letter first')
  .max(24, 'must not be longer than 24 characters')
  .refine((name) => !reservedNames.includes(name), 'is reserved');

const port = z.int().min(1).max(65_535);
const sqlName = z.string().regex(/^[a-z][a-z0-9_]{0,62}$/, 'must be small letters, digits and underscores, at most 63');
const memory = z.string().regex(/^[1-9]\d{0,5}[mg]$/, 'must be like 512m or 2g');
const days = z.int().min(0).max(36_500);

const sqlEngine = z.strictObject({ database: sqlName, port });

const enginesSchema = z.strictObject({
  mysql: sqlEngine,
  postgres: sqlEngine,
  redis: z.strictObject({ databases: z.array(z.int().min(0).max(255)).length(3), port }),
  neo4j: z.strictObject({
    database: z.string().regex(/^[a-z][a-z0-9-]{2,62}$/, 'must be 3 to 63 small letters, digits and dashes'),
    http_port: port,
    bolt_port: port,
  }),
  mongodb: sqlEngine,
  elasticsearch: z.strictObject({ indices: z.string(), port }),
  weaviate: sqlEngine,
  sqlite: z.strictObject({ directory: z.string().regex(/^\/[a-z0-9/_-]+$/), database: sqlName }),
  identity: sqlEngine,
  governance: sqlEngine,
  credit: sqlEngine,
});

const resourceSchema = z.strictObject({ memory, cpus: z.number().min(0.1).max(256) });

const tierSchema = z.strictObject({
  stores: z.array(z.enum(roles)),
  /** So long after the commit a store may be behind before somebody has to look. */
  fresh_within_ms: z.int().min(1).max(86_400_000),
});

const syncSchema = z.strictObject({
  real_time: tierSchema,
  batch: tierSchema,
  asynchronous: tierSchema,
  special: z.strictObject({ stores: z.array(z.enum(roles)), every_minutes: z.int().min(0).max(10_080) }),
});

const manifestSchema = z
  .strictObject({
    name: nameSchema,
    title: z.string().min(1).max(200),
    namespace: z.string().regex(/^[a-z][a-z0-9_]{0,40}_$/),
    gateway: z.strictObject({ port }),
    engines: enginesSchema,
    resources: z.strictObject(
      Object.fromEntries(resourceNames.map((name) => [name, resourceSchema])) as Record<
        (typeof resourceNames)[number],
        typeof resourceSchema
      >,
    ),
    sync: syncSchema,
    retention: z.strictObject({
      documents_days: days,
      log_files: z.int().min(1).max(100),
      log_file_mb: z.int().min(1).max(1000),
    }),
    backup: z.strictObject({
      every_hours: z.int().min(0).max(500),
      keep_daily: z.int().min(1).max(1000),
      keep_weekly: z.int().min(0).max(1000),
    }),
  })
  .superRefine((manifest, context) => {
    for (const [path, message] of [
      ...nameMistakes(manifest),
      ...redisMistakes(manifest),
      ...tierMistakes(manifest),
      ...memoryMistakes(manifest),
      ...portMistakes(manifest),
    ]) {
      context.addIssue({ code: 'custom', path: path.split('.'), message });
    }
  });

type Shape = Pick<z.infer<typeof manifestSchema>, keyof typeof manifestSchema.shape>;
export type Manifest = Readonly<Shape>;

type Mistake = readonly [path: string, message: string];

/** Files lie under the version's name; Elasticsearch and Weaviate have no databases: names begin with the namespace. */
function nameMistakes({ name, namespace, engines }: Shape): Mistake[] {
  const mistakes: Mistake[] = [];
  const { elasticsearch, sqlite, weaviate } = engines;
  if (elasticsearch.indices !== `${namespace}*`) {
    mistakes.push(['engines.elasticsearch.indices', `must be ${namespace}*, by the namespace`]);
  }
  if (!sqlite.directory.endsWith(`/${name}`)) {
    mistakes.push(['engines.sqlite.directory', `must end in /${name}, by the name`]);
  }
  if (`${weaviate.database}_` !== namespace) {
    mistakes.push(['engines.weaviate.database', `must be ${namespace.slice(0, -1)}, by the namespace`]);
  }
  return mistakes;
}

function redisMistakes({ engines }: Shape): Mistake[] {
  const { databases } = engines.redis;
  return new Set(databases).size === databases.length ? [] : [['engines.redis.databases', 'must differ']];
}

/** What a schedule may fill: only these stores' workers know one (A4.4). */
const scheduled: readonly Role[] = ['identity', 'governance', 'credit'];

function tierMistakes({ sync }: Shape): Mistake[] {
  const mistakes: Mistake[] = [];
  const placed = Object.values(sync).flatMap(({ stores }) => stores);
  for (const role of roles) {
    const times = placed.filter((one) => one === role).length;
    if (times !== 1) mistakes.push(['sync', `${role} must be in one tier, and is in ${times}`]);
  }
  const special = [...sync.special.stores].sort().join();
  if (special !== [...scheduled].sort().join()) {
    mistakes.push(['sync.special.stores', `must be ${scheduled.join(', ')}`]);
  }
  return mistakes;
}

function memoryMistakes({ resources }: Shape): Mistake[] {
  return resourceNames
    .filter((name) => megabytesOf(resources[name].memory) < 128)
    .map((name) => [`resources.${name}.memory`, 'must be at least 128m']);
}

function portMistakes(manifest: Shape): Mistake[] {
  const seen = new Map<number, string>();
  return hostPortsOf(manifest).flatMap(({ path, port: number }): Mistake[] => {
    const first = seen.get(number);
    if (first !== undefined) return [[path, `${number} is the port of ${first} already`]];
    seen.set(number, path);
    return [];
  });
}

export interface HostPort {
  /** Of the engine, or the gateway. */
  readonly service: string;
  /** In the manifest. */
  readonly path: string;
  readonly port: number;
}

/** Every port of the host that a version listens on. */
export function hostPortsOf({ gateway, engines }: Pick<Shape, 'gateway' | 'engines'>): HostPort[] {
  const found: HostPort[] = [{ service: 'gateway', path: 'gateway.port', port: gateway.port }];
  for (const [service, engine] of Object.entries(engines)) {
    for (const [key, value] of Object.entries(engine)) {
      if (typeof value === 'number') found.push({ service, path: `engines.${service}.${key}`, port: value });
    }
  }
  return found;
}

/** @throws MindoraError `invalid_request` where a version can't be called so */
export function assertName(name: string): void {
  const parsed = nameSchema.safeParse(name);
  if (parsed.success) return;
  const mistakes = parsed.error.issues.map(({ message }) => message).join(', ');
  throw new MindoraError('invalid_request', `"${name}" is no name of a version: it ${mistakes}`);
}

/** @throws MindoraError `invalid_request`, naming every mistake with its path */
export function parseManifest(text: string, file: string): Manifest {
  const parsed = manifestSchema.safeParse(yamlOf(text, file));
  if (parsed.success) {
    if (`${parsed.data.name}.yaml` === file) return parsed.data;
    throw new MindoraError('invalid_request', `${file} is not right: name: must be that of the file`);
  }
  const mistakes = parsed.error.issues.flatMap((issue) => {
    const path = issue.path.join('.');
    if (issue.code !== 'unrecognized_keys') return [`${path === '' ? 'the file' : path}: ${issue.message}`];
    return issue.keys.map((key) => `${path === '' ? key : `${path}.${key}`}: unknown`);
  });
  throw new MindoraError('invalid_request', `${file} is not right: ${mistakes.join('; ')}`);
}

function yamlOf(text: string, file: string): unknown {
  try {
    return parseYaml(text);
  } catch (error) {
    if (!(error instanceof YAMLParseError)) throw error;
    throw new MindoraError('invalid_request', `${file} is not YAML: ${error.message.split('\n')[0]}`);
  }
}

/** Names of the versions that have a manifest. */
export function versionNamesIn(directory: string): string[] {
  return readdirSync(directory)
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => file.slice(0, -'.yaml'.length))
    .sort();
}

/** @throws MindoraError `invalid_request` where there is none, or it is not right */
export function loadManifest(directory: string, name: string): Manifest {
  const names = versionNamesIn(directory);
  if (!names.includes(name)) {
    throw new MindoraError('invalid_request', `no version "${name}"; there are ${names.join(', ')}`);
  }
  const file = `${name}.yaml`;
  return parseManifest(readFileSync(join(directory, file), 'utf8'), file);
}

/**
 * All manifests, none of which takes another's name, namespace or port.
 *
 * @throws MindoraError `invalid_request`, naming every clash
 */
export function loadManifests(directory: string): Manifest[] {
  const manifests = versionNamesIn(directory).map((name) => loadManifest(directory, name));
  const clashes = clashesOf(manifests);
  if (clashes.length === 0) return manifests;
  throw new MindoraError('invalid_request', `versions get in each other's way: ${clashes.join('; ')}`);
}

/** What two versions would share. */
export function clashesOf(manifests: readonly Manifest[]): string[] {
  const owners = new Map<string, string>();
  return manifests.flatMap((manifest) =>
    ownThings(manifest).flatMap(([thing, path]) => {
      const here = `${manifest.name} ${path}`;
      const owner = owners.get(thing);
      owners.set(thing, owner ?? here);
      return owner === undefined ? [] : [`${thing} of ${here} is that of ${owner}`];
    }),
  );
}

function ownThings(manifest: Manifest): [thing: string, path: string][] {
  const { name, namespace, engines } = manifest;
  return [
    // A version "a-mysql" would have the container of the version "a".
    ...['', ...resourceNames].map((end): [string, string] => [
      `container ${end === '' ? name : `${name}-${end}`}`,
      'name',
    ]),
    [`namespace ${namespace}`, 'namespace'],
    ...Object.entries(engines).flatMap(([service, engine]): [string, string][] =>
      'database' in engine ? [[`database ${service} ${engine.database}`, `engines.${service}.database`]] : [],
    ),
    ...engines.redis.databases.map((number): [string, string] => [
      `Redis database ${number}`,
      'engines.redis.databases',
    ]),
    ...hostPortsOf(manifest).map(({ port: number, path }): [string, string] => [`port ${number}`, path]),
  ];
}
