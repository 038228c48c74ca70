import { MindoraError, systemRandom } from '@mindora/runtime';
import { type Command, Option } from 'commander';
import { paint, print, printJson, table, tell } from '../output.ts';
import { composeDirectory } from '../versions/generated.ts';
import {
  assertStopped,
  completeSecrets,
  createVersion,
  portStates,
  removeVersion,
  type VersionPlaces,
} from '../versions/life.ts';
import {
  loadManifest,
  loadManifests,
  type Manifest,
  manifestsDirectory,
  versionNamesIn,
} from '../versions/manifest.ts';
import { exitCodes, reportError } from './command.ts';

interface PlaceFlags {
  readonly manifests: string;
  readonly compose: string;
  readonly json: boolean;
}

/** `mindora version new|list|ports|secrets|remove`: the files that make a version. */
export function addVersion(program: Command): void {
  const version = program.command('version').description('make, list and remove versions');
  addNew(version);
  addList(version);
  addPorts(version);
  addSecrets(version);
  addRemove(version);
}

function withPlaces(command: Command): Command {
  return command
    .addOption(new Option('--manifests <dir>', 'where the manifests are').default(manifestsDirectory, "Mindora's own"))
    .addOption(new Option('--compose <dir>', "where Compose's files are").default(composeDirectory, "Mindora's own"))
    .option('--json', 'print JSON for programs', false);
}

/** Runs a command that needs no version to be open; a failure is told in one line. */
async function attempt(flags: PlaceFlags, work: (places: VersionPlaces) => Promise<number> | number): Promise<void> {
  try {
    process.exitCode = await work({ manifests: flags.manifests, compose: flags.compose });
  } catch (error) {
    reportError(error, flags.json);
    process.exitCode = exitCodes.failed;
  }
}

interface NewFlags extends PlaceFlags {
  readonly title?: string;
}

function addNew(version: Command): void {
  withPlaces(version.command('new'))
    .description('make a version: its manifest with free ports, its secrets, and its profile in compose/')
    .argument('<name>', 'small letters, digits and single dashes, a letter first, at most 24')
    .option('--title <text>', 'how people call it')
    .addHelpText(
      'after',
      `
Takes the lowest ports that neither another version nor a program of this machine has, and names those that it passed
by. Databases are named after the version. The secrets lie in COMPOSE/secrets/NAME and are in no repository.

Exit code: 0 made, 1 not.

Example:
  mindora version new staging`,
    )
    .action((name: string, flags: NewFlags) => attempt(flags, (places) => create(name, places, flags)));
}

async function create(name: string, places: VersionPlaces, flags: NewFlags): Promise<number> {
  const random = systemRandom();
  const { title } = flags;
  const { manifest, taken } = await createVersion(name, places, title === undefined ? { random } : { random, title });
  for (const { port, path } of taken) tell(`port ${port} is taken on this machine; ${path} is another`);
  if (flags.json) {
    printJson({ status: 'success', version: viewOf(manifest), taken });
    return exitCodes.ok;
  }
  print(`version ${name} is made: ${places.manifests}${name}.yaml, gateway on port ${manifest.gateway.port}`);
  print(paint('dim', `embedded: npx mindora up --version ${name}`));
  print(paint('dim', `in containers: docker compose --profile ${name} up --detach --wait`));
  return exitCodes.ok;
}

function viewOf({ name, title, gateway, engines }: Manifest) {
  return { name, title, gateway, engines };
}

function addList(version: Command): void {
  withPlaces(version.command('list'))
    .description('all versions, with their ports')
    .addHelpText('after', '\nExample:\n  mindora version list --json')
    .action((flags: PlaceFlags) => attempt(flags, (places) => list(places, flags.json)));
}

function list(places: VersionPlaces, json: boolean): number {
  const manifests = loadManifests(places.manifests).toSorted((one, other) => one.gateway.port - other.gateway.port);
  if (json) {
    printJson({ versions: manifests.map(viewOf) });
    return exitCodes.ok;
  }
  const head = ['version', 'gateway', 'mysql', 'postgres', 'redis', 'redis db', 'neo4j', 'mongodb', 'elasticsearch'];
  head.push('weaviate', 'identity', 'governance', 'credit');
  print(table(head, manifests.map(rowOf)));
  return exitCodes.ok;
}

function rowOf({ name, gateway, engines }: Manifest): (string | number)[] {
  const { mysql, postgres, redis, neo4j, mongodb, elasticsearch, weaviate, identity, governance, credit } = engines;
  const databases = redis.databases.join(' ');
  const graph = `${neo4j.http_port}/${neo4j.bolt_port}`;
  const first = [name, gateway.port, mysql.port, postgres.port, redis.port, databases, graph, mongodb.port];
  return [...first, elasticsearch.port, weaviate.port, identity.port, governance.port, credit.port];
}

function addPorts(version: Command): void {
  withPlaces(version.command('ports'))
    .description("whether a version's ports are free on this machine")
    .argument('<name>', 'the version')
    .addHelpText('after', '\nExit code: 0 all are free, 1 some are taken.\n\nExample:\n  mindora version ports dao')
    .action((name: string, flags: PlaceFlags) => attempt(flags, (places) => ports(name, places, flags.json)));
}

async function ports(name: string, places: VersionPlaces, json: boolean): Promise<number> {
  const states = await portStates(loadManifest(places.manifests, name));
  const free = states.every((state) => state.free);
  if (json) printJson({ version: name, free, ports: states });
  else {
    const word = (state: { free: boolean }): string => (state.free ? paint('green', 'free') : paint('red', 'TAKEN'));
    print(
      table(
        ['service', 'port', ''],
        states.map((state) => [state.service, state.port, word(state)]),
      ),
    );
  }
  return free ? exitCodes.ok : exitCodes.failed;
}

function addSecrets(version: Command): void {
  withPlaces(version.command('secrets'))
    .description("make the passwords of a version's containers that are missing, and keep those that are there")
    .argument('<name>', 'the version')
    .addHelpText(
      'after',
      `
They lie in COMPOSE/secrets/NAME, a directory for its owner alone. Run by root, each file belongs to the user that its
container runs as, and to nobody else; run by others, containers could not read it so, and the directory alone keeps it.

Example:
  mindora version secrets future`,
    )
    .action((name: string, flags: PlaceFlags) =>
      attempt(flags, (places) => {
        const made = completeSecrets(name, places, systemRandom());
        if (flags.json) printJson({ status: 'success', version: name, made });
        else print(made.length === 0 ? 'all secrets are there' : `${made.length} secrets made`);
        return exitCodes.ok;
      }),
    );
}

interface RemoveFlags extends PlaceFlags {
  readonly data?: string | true;
  readonly yes: boolean;
}

const dataDefault = './data';
/** Those that Mindora comes with. */
const shipped: readonly string[] = ['future', 'dao', 'blockchain'];

function addRemove(version: Command): void {
  withPlaces(version.command('remove'))
    .description('remove a version: its manifest, its secrets, its profile in compose/, and with --data its data')
    .argument('<name>', 'the version')
    .option('--data [dir]', `delete its data in this directory too (default ${dataDefault}); needs --yes`)
    .option('--yes', 'really; also for the versions that Mindora comes with', false)
    .addHelpText(
      'after',
      `
Refused while the version runs. There is no way back. Volumes of containers are Compose's; remove them before:
  docker compose --profile NAME down --volumes

Exit code: 0 removed, 1 not.

Example:
  mindora version remove staging --data --yes`,
    )
    .action((name: string, flags: RemoveFlags) => attempt(flags, (places) => remove(name, places, flags)));
}

async function remove(name: string, places: VersionPlaces, flags: RemoveFlags): Promise<number> {
  assertMeant(name, flags);
  const given = typeof flags.data === 'string' ? flags.data : dataDefault;
  if (versionNamesIn(places.manifests).includes(name)) await assertStopped(name, places, given);
  const removed = removeVersion(name, places, flags.data === undefined ? null : given);
  if (flags.json) printJson({ status: 'success', version: name, ...removed });
  else print(`version ${name} is removed${removed.data === null ? '' : `, with its data in ${removed.data}`}`);
  return exitCodes.ok;
}

/** @throws MindoraError `invalid_request` where somebody has to say that it is meant */
function assertMeant(name: string, { data, yes }: RemoveFlags): void {
  if (yes) return;
  if (shipped.includes(name))
    throw new MindoraError('invalid_request', `${name} is one that Mindora comes with: add --yes`);
  if (data !== undefined) throw new MindoraError('invalid_request', 'its data would be deleted for good: add --yes');
}
