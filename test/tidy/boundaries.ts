import { isBuiltin } from 'node:module';
import { posix } from 'node:path';
import { dottedName, isNode, isTest, type Node, type Source } from './source.ts';

/** What a package.json says, as far as borders need it. */
export interface Manifest {
  /** The package's folder, '' for the root. */
  readonly folder: string;
  readonly name: string;
  readonly dependencies: ReadonlySet<string>;
  readonly devDependencies: ReadonlySet<string>;
}

/** Which workspace packages the sources in a folder may import; tests may also import @mindora/testing. */
const LAYERS: readonly { readonly folder: RegExp; readonly may: readonly string[] }[] = [
  { folder: /^contracts$/, may: [] },
  { folder: /^shared\/sdk$/, may: ['contracts'] },
  { folder: /^shared\/runtime$/, may: ['contracts'] },
  { folder: /^shared\/(bus|stores)$/, may: ['contracts', 'runtime'] },
  { folder: /^shared\/testing$/, may: ['contracts', 'runtime', 'bus', 'stores'] },
  { folder: /^sync$/, may: ['contracts', 'runtime', 'bus', 'stores'] },
  { folder: /^services\/[^/]+$/, may: ['contracts', 'runtime', 'bus', 'stores', 'sdk'] },
];

/** What contracts may use of Node: nothing that reads, writes, waits or listens. */
const PURE_BUILTINS = new Set(['node:buffer', 'node:crypto', 'node:util']);

/** All breaches of the import borders, each as "path: what is wrong". */
export function findBreaches(sources: readonly Source[], manifests: readonly Manifest[]): string[] {
  return sources.flatMap((source) => {
    const owner = ownerOf(source.path, manifests);
    const imports = importsOf(source).flatMap((specifier) => importBreach(source, owner, specifier, manifests) ?? []);
    return [...imports, ...globalBreaches(source)].map((breach) => `${source.path}: ${breach}`);
  });
}

/** The specifiers of static, dynamic, type and re-exporting imports. */
export function importsOf(source: Source): string[] {
  return source.nodes.flatMap((node) => {
    const specifier = specifierOf(node);
    return isNode(specifier) && specifier.type === 'StringLiteral' ? [String(specifier.value)] : [];
  });
}

function specifierOf(node: Node): unknown {
  if (/^(ImportDeclaration|ExportAllDeclaration|ExportNamedDeclaration)$/.test(node.type)) return node.source;
  if (node.type === 'TsImportType') return node.argument;
  if (node.type !== 'CallExpression') return undefined;
  const callee = node.callee;
  const isImport = isNode(callee) && (callee.type === 'Import' || dottedName(callee) === 'require');
  return isImport ? (node.arguments as { expression: Node }[])[0]?.expression : undefined;
}

function importBreach(
  source: Source,
  owner: Manifest,
  specifier: string,
  manifests: readonly Manifest[],
): string | undefined {
  if (specifier.startsWith('.')) return relativeBreach(source.path, owner, specifier, manifests);
  if (isBuiltin(specifier)) return builtinBreach(owner, specifier);
  const name = packageName(specifier);
  if (name.startsWith('@mindora/') && name !== owner.name) {
    const breach = layerBreach(source.path, owner, name);
    if (breach !== undefined) return breach;
  }
  return isDeclared(source.path, owner, name, manifests) ? undefined : `imports ${name}, which its package.json lacks`;
}

function relativeBreach(
  path: string,
  owner: Manifest,
  specifier: string,
  manifests: readonly Manifest[],
): string | undefined {
  const target = posix.join(posix.dirname(path), specifier);
  // What spans packages, in the root's test folder, may look at the repository's own tools.
  const isTool = owner.folder === '' && target.startsWith('scripts/bootstrap');
  return isTool || ownerOf(target, manifests) === owner ? undefined : `${specifier} leaves the package ${owner.name}`;
}

function builtinBreach(owner: Manifest, specifier: string): string | undefined {
  if (!specifier.startsWith('node:')) return `write node:${specifier} for ${specifier}`;
  return owner.folder === 'contracts' && !PURE_BUILTINS.has(specifier)
    ? `contracts does no I/O: ${specifier}`
    : undefined;
}

function layerBreach(path: string, owner: Manifest, name: string): string | undefined {
  const layer = LAYERS.find(({ folder }) => folder.test(owner.folder));
  if (layer === undefined) return undefined;
  const may = new Set(layer.may);
  if (isTest(path) && owner.folder !== 'contracts') may.add('testing');
  return may.has(name.replace('@mindora/', '')) ? undefined : `${owner.name} may not import ${name}`;
}

function isDeclared(path: string, owner: Manifest, name: string, manifests: readonly Manifest[]): boolean {
  if (name === owner.name || owner.dependencies.has(name)) return true;
  const isDevelopment = isTest(path) || owner.folder === '';
  if (!isDevelopment) return false;
  return owner.devDependencies.has(name) || manifests.some((it) => it.folder === '' && it.devDependencies.has(name));
}

function globalBreaches(source: Source): string[] {
  const names = source.nodes.map(dottedName);
  const mayReadEnvironment = /(^|\/)config\.ts$/.test(source.path) || source.path.startsWith('scripts/bootstrap');
  const breaches = [];
  if (!mayReadEnvironment && names.includes('process.env')) breaches.push('process.env outside of config.ts');
  if (names.some((name) => name?.startsWith('console.'))) breaches.push('console');
  return breaches;
}

/** Output has one place: more than one source file that writes to stdout is a breach. */
export function findWriters(sources: readonly Source[]): string[] {
  return sources
    .filter(({ path }) => path.endsWith('.ts') && !isTest(path))
    .filter(({ nodes }) => nodes.some((node) => dottedName(node) === 'process.stdout.write'))
    .map(({ path }) => path);
}

/** '@scope/name/sub' -> '@scope/name' */
function packageName(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

function ownerOf(path: string, manifests: readonly Manifest[]): Manifest {
  const owners = manifests.filter(({ folder }) => folder === '' || path.startsWith(`${folder}/`));
  const [owner] = owners.sort((a, b) => b.folder.length - a.folder.length);
  if (owner === undefined) throw new Error(`no package.json above ${path}`);
  return owner;
}
