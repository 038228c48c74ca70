/** All files that are made from the manifests. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MindoraError } from '@mindora/runtime';
import { parse } from 'yaml';
import { composeText, embeddedText, type Images } from './compose-file.ts';
import { engineContainersOf } from './engine-containers.ts';
import { loadManifests, type Manifest } from './manifest.ts';
import { variablePrefixOf } from './names.ts';
import { overlaysOf } from './overlays.ts';

/** Where Compose's files are. */
export const composeDirectory: string = fileURLToPath(new URL('../../../compose/', import.meta.url));

export interface GeneratedFile {
  /** Inside the directory of Compose's files. */
  readonly path: string;
  readonly text: string;
}

/** @throws MindoraError `invalid_request` where manifests are wrong or clash */
export function generatedFiles(manifestsDirectory: string, directory: string): GeneratedFile[] {
  const manifests = byPort(loadManifests(manifestsDirectory));
  const images = imagesOf(join(directory, 'engines.yaml'));
  return [
    { path: 'compose.yaml', text: composeText(manifests, images) },
    { path: 'embedded.yaml', text: embeddedText(manifests, images) },
    { path: '.env.example', text: environmentText(manifests, images) },
    ...manifests.flatMap(({ name }) => overlaysOf(name)),
  ];
}

/** In the order in which they were made: rollout starts with future (A3.6). */
function byPort(manifests: readonly Manifest[]): Manifest[] {
  return manifests.toSorted((one, other) => one.gateway.port - other.gateway.port);
}

function imagesOf(file: string): Images {
  const { services } = parse(readFileSync(file, 'utf8'), { merge: true }) as {
    services: Record<string, { image: string }>;
  };
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  const products = Object.fromEntries(Object.entries(services).map(([name, { image }]) => [name, image]));
  return { products, mindora: `mindora:${version}` };
}

/** .env.example: every variable that Compose reads, with what it is without it. */
function environmentText(manifests: readonly Manifest[], images: Images): string {
  const lines = [
    '# Made from versions/ by "npm run compose". Copy to ".env" what shall differ; these are the defaults.',
    '# Ports are of 127.0.0.1. An image by itself lets one version be upgraded alone. Passwords are no variables: they are',
    '# files, which "mindora version secrets NAME" makes (README.md).',
  ];
  for (const manifest of manifests) lines.push('', `# ${manifest.title}`, ...variablesOf(manifest, images));
  return `${lines.join('\n')}\n`;
}

function variablesOf(manifest: Manifest, images: Images): string[] {
  const prefix = variablePrefixOf(manifest);
  const engines = Object.entries(engineContainersOf(manifest));
  const { memory, cpus } = manifest.resources.mindora;
  return [
    `#${prefix}_PORT=${manifest.gateway.port}`,
    ...engines.flatMap(([, { ports }]) => ports.map(({ variable, host }) => `#${prefix}_${variable}=${host}`)),
    `#${prefix}_SECRETS=./secrets/${manifest.name}`,
    `#${prefix}_IMAGE=${images.mindora}`,
    ...engines.map(([name, { product }]) => `#${prefix}_${name.toUpperCase()}_IMAGE=${images.products[product]}`),
    '# Of embedded.yaml alone; elsewhere limits are in the manifest, since engines are sized by them.',
    `#${prefix}_CPUS=${cpus}`,
    `#${prefix}_MEMORY=${memory}`,
  ];
}

/** Names of the files that are not what the manifests make. */
export function outdatedFiles(files: readonly GeneratedFile[], directory: string): string[] {
  return files
    .filter(({ path, text }) => {
      const file = join(directory, path);
      return !existsSync(file) || readFileSync(file, 'utf8') !== text;
    })
    .map(({ path }) => path);
}

/** Each whole or not at all. @throws MindoraError `invalid_request` where the directory isn't one of Compose's files */
export function writeGenerated(files: readonly GeneratedFile[], directory: string): string[] {
  if (!existsSync(join(directory, 'engines.yaml'))) {
    throw new MindoraError('invalid_request', `there is no engines.yaml in ${directory}`);
  }
  const outdated = outdatedFiles(files, directory);
  for (const { path, text } of files.filter((file) => outdated.includes(file.path))) {
    const draft = join(directory, `${path}.draft`);
    mkdirSync(dirname(draft), { recursive: true });
    writeFileSync(draft, text);
    renameSync(draft, join(directory, path));
  }
  return outdated;
}
