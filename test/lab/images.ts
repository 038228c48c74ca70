/** Images under the products' names and tags, made of packages where a registry of images can't be asked. */
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { composeDirectory } from '@mindora/cli/versions/generated';
import { MindoraError } from '@mindora/runtime';
import type { EngineName } from '@mindora/testing/engines';
import { parse } from 'yaml';
import { run } from './commands.ts';
import { npmrcFile, trustedCertificates } from './config.ts';
import { type Host, repository } from './host.ts';
import { baseArchive } from './packages.ts';
import type { Podman } from './podman.ts';

const recipes = fileURLToPath(new URL('./images/', import.meta.url));
const base = 'localhost/mindora-lab/debian:1';
const java = 'localhost/mindora-lab/java:1';
const buildMs = 15 * 60_000;
const installMs = 30 * 60_000;

interface Recipe {
  /** As compose/engines.yaml names the service. */
  readonly product: string;
  /** Whose files it is made of, as the engine launcher installs them; null: Debian's packages. */
  readonly engine: EngineName | null;
  readonly base: string;
  /** What really runs in it. */
  readonly what: string;
}

const recipesOfProducts: readonly Recipe[] = [
  { product: 'mysql', engine: null, base, what: 'MariaDB 10.11' },
  { product: 'postgres', engine: 'postgres', base, what: 'PostgreSQL 18 with pgvector' },
  { product: 'redis', engine: null, base, what: 'Redis 7.0' },
  { product: 'nats', engine: 'nats', base, what: 'NATS' },
  { product: 'weaviate', engine: 'weaviate', base, what: 'Weaviate' },
  {
    product: 'elasticsearch',
    engine: 'elasticsearch',
    base: java,
    what: 'Elasticsearch without x-pack, so without accounts',
  },
  { product: 'neo4j', engine: 'neo4j', base: java, what: 'Neo4j community' },
  { product: 'mongodb', engine: 'mongodb', base, what: 'SecantusDB, which speaks the protocol of MongoDB' },
];

/** What runs under the name of each product. */
export const standIns: ReadonlyMap<string, string> = new Map(
  recipesOfProducts.map(({ product, what }) => [product, what]),
);

type Tell = (line: string) => void;

/** Makes every image that is missing. On a Docker engine only our own: it fetches the products by itself. */
export async function provideImages(host: Host, tell: Tell): Promise<void> {
  const { podman } = host;
  if (podman === null) {
    await host.docker(['build', '--file', 'compose/Dockerfile', '--tag', ownImage(), '.'], {
      cwd: repository,
      timeoutMs: buildMs,
    });
    return;
  }
  await provideBases(podman, tell);
  for (const recipe of recipesOfProducts) {
    await provide(podman, tell, fullName(productImages()[recipe.product] ?? ''), recipe.product, recipe);
  }
  await provideNode(podman, tell);
  await provideOwn(podman, tell);
}

function productImages(): Record<string, string> {
  const text = readFileSync(join(composeDirectory, 'engines.yaml'), 'utf8');
  const { services } = parse(text, { merge: true }) as { services: Record<string, { image: string }> };
  return Object.fromEntries(Object.entries(services).map(([name, { image }]) => [name, image]));
}

/** As Docker completes a name. */
function fullName(image: string): string {
  return image.includes('/') ? `docker.io/${image}` : `docker.io/library/${image}`;
}

/** Our image, as Compose asks for it. */
export function ownImage(): string {
  const { version } = JSON.parse(readFileSync(join(repository, 'scripts/package.json'), 'utf8')) as { version: string };
  return fullName(`mindora:${version}`);
}

async function isThere(podman: Podman, image: string): Promise<boolean> {
  return podman.podman(['image', 'exists', image]).then(
    () => true,
    () => false,
  );
}

async function provideBases(podman: Podman, tell: Tell): Promise<void> {
  if (!(await isThere(podman, base))) {
    tell('a small Debian ...');
    await podman.podman(['import', await baseArchive(), base], { timeoutMs: buildMs });
  }
  await provide(podman, tell, java, 'java', { engine: null, base });
}

async function provide(
  podman: Podman,
  tell: Tell,
  image: string,
  folder: string,
  recipe: Pick<Recipe, 'engine' | 'base'>,
): Promise<void> {
  if (await isThere(podman, image)) return;
  tell(`image ${image} ...`);
  const files = recipe.engine === null ? [] : ['--build-context', `engine=${await engineFiles(recipe.engine)}`];
  await build(podman, image, join(recipes, folder), recipe.base, files);
}

async function build(
  podman: Podman,
  image: string,
  folder: string,
  from: string,
  more: readonly string[],
): Promise<void> {
  const quiet = ['build', '--quiet', '--format', 'docker', '--network', 'host'];
  await podman.podman([...quiet, '--build-arg', `BASE=${from}`, ...more, '--tag', image, folder], {
    timeoutMs: buildMs,
  });
}

/** Where the engine launcher has an engine's files; it installs them where they are missing. */
async function engineFiles(name: EngineName): Promise<string> {
  const main = join(repository, 'shared/testing/src/engines/cli/main.ts');
  await run(process.execPath, [main, 'install', name], { cwd: repository, timeoutMs: installMs });
  const cache = dirname(dirname(await baseArchive()));
  const folders = readdirSync(cache).filter((folder) => folder.startsWith(`${name}-`));
  const [newest] = folders.toSorted((one, other) => madeAt(join(cache, other)) - madeAt(join(cache, one)));
  if (newest === undefined) throw new MindoraError('internal', `${name} is not in ${cache} after its installation`);
  return join(cache, newest);
}

function madeAt(folder: string): number {
  return statSync(folder).mtimeMs;
}

const nodeImage = /NODE_IMAGE=(\S+)/;

/** The base of our own image, with this very Node, which is the bootstrap's. */
async function provideNode(podman: Podman, tell: Tell): Promise<void> {
  const dockerfile = readFileSync(join(composeDirectory, 'Dockerfile'), 'utf8');
  const image = nodeImage.exec(dockerfile)?.[1];
  if (image === undefined) throw new MindoraError('internal', 'compose/Dockerfile names no image of Node');
  if (await isThere(podman, image)) return;
  tell(`image ${image} ...`);
  const modules = (await run('npm', ['root', '--global'])).trim().split('\n').at(-1) ?? '';
  const draft = join(dirname(podman.socket), 'node');
  try {
    mkdirSync(draft, { recursive: true });
    copyFileSync(process.execPath, join(draft, 'node'));
    cpSync(join(modules, 'npm'), join(draft, 'npm'), { recursive: true, verbatimSymlinks: true });
    await build(podman, image, join(recipes, 'node'), base, ['--build-context', `engine=${draft}`]);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

const certificates = '/etc/ssl/certs/ca-certificates.crt';

/** By the Dockerfile as it stands; what it copies is the working tree's. The build trusts whom this machine trusts. */
async function provideOwn(podman: Podman, tell: Tell): Promise<void> {
  if (await isThere(podman, ownImage())) return;
  tell(`image ${ownImage()} ...`);
  const npmrc = join(dirname(podman.socket), 'npmrc');
  const settings = existsSync(npmrcFile) ? readFileSync(npmrcFile, 'utf8').trimEnd() : '';
  try {
    writeFileSync(npmrc, `${settings}\ncafile=${certificates}\n`, { mode: 0o600 });
    const trust = ['--volume', `${trustedCertificates}:${certificates}:ro`, '--secret', `id=npmrc,src=${npmrc}`];
    const file = ['--file', join(composeDirectory, 'Dockerfile')];
    const quiet = ['build', '--quiet', '--format', 'docker', '--network', 'host'];
    await podman.podman([...quiet, ...trust, ...file, '--tag', ownImage(), repository], { timeoutMs: buildMs });
  } finally {
    rmSync(npmrc, { force: true });
  }
}
