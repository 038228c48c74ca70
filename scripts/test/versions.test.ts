/** Manifests are checked whole; versions come, are listed and go without a trace. */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { systemRandom } from '@mindora/runtime';
import { parse, stringify } from 'yaml';
import { tryLock } from '../src/compose/lock.ts';
import { composeDirectory, generatedFiles, outdatedFiles } from '../src/versions/generated.ts';
import {
  assertStopped,
  completeSecrets,
  createVersion,
  portStates,
  removeVersion,
  type VersionPlaces,
} from '../src/versions/life.ts';
import { hostPortsOf, loadManifests, manifestsDirectory, parseManifest } from '../src/versions/manifest.ts';
import { planVersion } from '../src/versions/plan.ts';
import { secretFiles } from '../src/versions/secrets.ts';

const random = systemRandom();
let root: string;
let places: VersionPlaces;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'versions-'));
  places = { manifests: join(root, 'versions'), compose: join(root, 'compose') };
  cpSync(manifestsDirectory, places.manifests, { recursive: true });
  for (const name of readdirSync(places.manifests)) {
    if (!['future.yaml', 'dao.yaml', 'blockchain.yaml'].includes(name)) rmSync(join(places.manifests, name));
  }
  mkdirSync(places.compose);
  cpSync(join(composeDirectory, 'engines.yaml'), join(places.compose, 'engines.yaml'));
});

afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

const futureText = readFileSync(join(manifestsDirectory, 'future.yaml'), 'utf8');

/** The manifest of future with some fields changed, by their paths. */
function changed(changes: Readonly<Record<string, unknown>>): string {
  const manifest = parse(futureText) as Record<string, unknown>;
  for (const [path, value] of Object.entries(changes)) {
    const parts = path.split('.');
    const last = parts.pop() ?? '';
    let place = manifest;
    for (const part of parts) place = place[part] as Record<string, unknown>;
    place[last] = value;
  }
  return stringify(manifest);
}

function mistakesIn(text: string, file = 'future.yaml'): string {
  try {
    parseManifest(text, file);
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

describe('a manifest', () => {
  test('tells every mistake at once, with its path', () => {
    const message = mistakesIn(
      changed({
        'gateway.port': 0,
        'engines.mysql.database': 'drop table',
        'engines.redis.databases': [1],
        'resources.nats.memory': 'much',
        'engines.mysql.user': 'root',
        colour: 'blue',
      }),
    );
    for (const path of ['gateway.port: ', 'engines.mysql.database: ', 'engines.redis.databases: ']) {
      expect(message).toContain(path);
    }
    expect(message).toContain('resources.nats.memory: must be like 512m or 2g');
    expect(message).toContain('engines.mysql.user: unknown');
    expect(message).toContain('colour: unknown');
  });

  test.each([
    [
      'a port twice',
      { 'engines.credit.port': 3306 },
      'engines.credit.port: 3306 is the port of engines.mysql.port already',
    ],
    ['another prefix than the namespace', { 'engines.elasticsearch.indices': 'x_*' }, 'must be jobfirst_future_*'],
    ['a Redis database twice', { 'engines.redis.databases': [1, 1, 2] }, 'engines.redis.databases: must differ'],
    ['a store in no tier', { 'sync.batch.stores': ['documents'] }, 'sync: fulltext must be in one tier, and is in 0'],
    ['a store in two tiers', { 'sync.batch.stores': ['documents', 'fulltext', 'graph'] }, 'graph must be in one tier'],
    ['hardly any memory', { 'resources.redis.memory': '64m' }, 'resources.redis.memory: must be at least 128m'],
    ['files outside of its name', { 'engines.sqlite.directory': '/data/sqlite/dao' }, 'must end in /future'],
    ['a reserved name', { name: 'root' }, 'name: is reserved'],
  ])('refuses %s', (_what, changes, message) => {
    expect(mistakesIn(changed(changes))).toContain(message);
  });

  test('is called as its file, and is YAML', () => {
    expect(mistakesIn(futureText, 'dao.yaml')).toContain('name: must be that of the file');
    expect(mistakesIn('a: [')).toContain('future.yaml is not YAML');
  });

  test('of one version takes nothing of another', () => {
    const taken = changed({ name: 'greedy', 'engines.sqlite.directory': '/data/sqlite/greedy' });
    writeFileSync(join(places.manifests, 'greedy.yaml'), taken);
    expect(() => loadManifests(places.manifests)).toThrow(
      /namespace jobfirst_future_ .*database mysql jobfirst_future .*Redis database 0 .*port 8206 /,
    );
  });
});

describe('version new', () => {
  test('makes a manifest by the pattern of the others, on ports that nobody has', async () => {
    const { manifest } = await createVersion('my-fourth', places, { random, title: 'A "fourth": one' });
    expect(manifest).toMatchObject({
      title: 'A "fourth": one',
      namespace: 'jobfirst_my_fourth_',
      engines: {
        mysql: { database: 'jobfirst_my_fourth' },
        redis: { databases: [9, 10, 11] },
        neo4j: { database: 'jobfirst-my-fourth' },
        identity: { database: 'ai_identity_my_fourth' },
      },
    });
    const ports = loadManifests(places.manifests).flatMap((one) => hostPortsOf(one).map(({ port }) => port));
    expect(new Set(ports).size).toBe(4 * 12);
    expect(outdatedFiles(generatedFiles(places.manifests, places.compose), places.compose)).toEqual([]);
    expect(readFileSync(join(places.compose, 'compose.yaml'), 'utf8')).toContain('MY_FOURTH_MYSQL_PORT:-');
  });

  test('passes by a port that a program has, and names it', async () => {
    const busy = new Set([3309, 8209]);
    const { manifest, taken } = await planVersion(
      'fourth',
      loadManifests(places.manifests),
      async (port) => !busy.has(port),
    );
    expect(taken).toEqual([
      { path: 'gateway.port', port: 8209 },
      { path: 'engines.mysql.port', port: 3309 },
    ]);
    expect([manifest.gateway.port, manifest.engines.mysql.port]).toEqual([8210, 3310]);
  });

  test.each(['Big', '9lives', 'a_b', 'a--b', '-a', 'a-', '../x', '', 'root', 'shared', 'x'.repeat(25)])(
    'refuses the name "%s" and leaves nothing',
    async (name) => {
      await expect(createVersion(name, places, { random })).rejects.toMatchObject({ code: 'invalid_request' });
      expect(readdirSync(places.manifests)).toHaveLength(3);
      expect(readdirSync(places.compose)).toEqual(['engines.yaml']);
    },
  );

  test('refuses a name whose container another version has', async () => {
    await createVersion('dao-mysql', places, { random }).catch(() => undefined);
    expect(readdirSync(places.manifests)).toHaveLength(3);
    expect(existsSync(join(places.compose, 'secrets'))).toBe(false);
  });

  test('refuses a name that there is', async () => {
    await expect(createVersion('dao', places, { random })).rejects.toMatchObject({ code: 'conflict' });
  });

  test('makes secrets for each reader, which differ from those of any other version', async () => {
    await createVersion('one', places, { random });
    await createVersion('two', places, { random });
    const [first, second] = ['one', 'two'].map((name) => readSecrets(name)) as [string[], string[]];
    expect(first.length).toBe(secretFiles.length);
    expect(first.filter((secret) => second.includes(secret))).toEqual([]);
  });

  test('secrets are in a closed directory, kept when asked again, and made where one is missing', async () => {
    await createVersion('one', places, { random });
    const directory = join(places.compose, 'secrets/one');
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    const mode = process.getuid?.() === 0 ? 0o400 : 0o444;
    expect(secretFiles.filter(({ name }) => (statSync(join(directory, name)).mode & 0o777) !== mode)).toEqual([]);
    const before = readSecrets('one');
    expect(completeSecrets('one', places, random)).toEqual([]);
    expect(readSecrets('one')).toEqual(before);
    rmSync(join(directory, 'nats-account'));
    expect(completeSecrets('one', places, random)).toEqual(['nats-account']);
  });

  test("the addresses name the version's own containers and databases alone", async () => {
    const { manifest } = await createVersion('one', places, { random });
    const file = join(places.compose, 'secrets/one/mindora-engines');
    const addresses = Object.values(parseEnv(readFileSync(file, 'utf8'))).map((text) => new URL(text ?? ''));
    expect(addresses).toHaveLength(12);
    expect(addresses.filter(({ hostname }) => !hostname.startsWith('one-'))).toEqual([]);
    const paths = addresses.map(({ pathname }) => pathname.slice(1)).filter((path) => path !== '');
    expect(paths).toEqual(expect.arrayContaining([manifest.engines.mysql.database, '9', 'jobfirst-one']));
  });
});

function readSecrets(version: string): string[] {
  return secretFiles.map(({ name }) => readFileSync(join(places.compose, 'secrets', version, name), 'utf8'));
}

/** Everything below the root, with its content. */
function contents(): Record<string, string> {
  const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    files.map(({ parentPath, name }) => [join(parentPath, name), readFileSync(join(parentPath, name), 'utf8')]),
  );
}

describe('version remove', () => {
  test('leaves no trace', async () => {
    await createVersion('first', places, { random });
    removeVersion('first', places, null);
    const before = contents();
    await createVersion('brief', places, { random });
    const data = join(root, 'data');
    mkdirSync(join(data, 'brief/stores'), { recursive: true });
    writeFileSync(join(data, 'brief/stores/a.sqlite'), 'x');
    const removal = removeVersion('brief', places, data);
    expect(removal).toMatchObject({ secrets: true, data: join(data, 'brief') });
    expect(contents()).toEqual(before);
    expect(existsSync(join(places.compose, 'secrets'))).toBe(false);
    expect(readdirSync(data)).toEqual([]);
  });

  test('leaves the data where nobody asked for it, and removes a manifest that is not right', async () => {
    mkdirSync(join(root, 'data/odd'), { recursive: true });
    writeFileSync(join(places.manifests, 'odd.yaml'), 'name: odd');
    expect(removeVersion('odd', places, null).data).toBeNull();
    expect(existsSync(join(root, 'data/odd'))).toBe(true);
    expect(() => removeVersion('odd', places, null)).toThrow('no version "odd"');
  });

  test('is refused while a process has it open', async () => {
    await createVersion('busy', places, { random });
    const data = join(root, 'data');
    mkdirSync(join(data, 'busy'), { recursive: true });
    const unlock = tryLock(join(data, 'busy/lock.sqlite'));
    await expect(assertStopped('busy', places, data)).rejects.toMatchObject({ code: 'conflict' });
    unlock?.();
    await expect(assertStopped('busy', places, data)).resolves.toBeUndefined();
  });
});

test('a taken port is named', async () => {
  const { manifest } = await createVersion('ports', places, { random });
  const server: Server = createServer();
  await new Promise<void>((resolve) => server.listen(manifest.engines.redis.port, '127.0.0.1', resolve));
  try {
    const taken = (await portStates(manifest)).filter(({ free }) => !free);
    expect(taken).toContainEqual({ service: 'redis', port: manifest.engines.redis.port, free: false });
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
});
