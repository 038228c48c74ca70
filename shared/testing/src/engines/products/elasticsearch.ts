import { copyFile, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { EngineDefinition, InstallTools, Run } from '../definition.ts';
import { fetchJson } from './common.ts';
import { jdk, mavenInstall } from './maven.ts';

const version = '8.19.21';
const sources = fileURLToPath(new URL('../../../engines/elasticsearch/', import.meta.url));

const descriptor = [
  'description=Analyzers cjk and smartcn, and GET /, for the distribution on Maven Central',
  'name=mindora-extras',
  'version=1',
  'classname=mindora.ExtrasPlugin',
  'java.version=17',
  `elasticsearch.version=${version}`,
  '',
].join('\n');

/** Elastic's own distribution for integration tests, and two small classes of ours compiled against it. */
async function install(draft: string, tools: InstallTools): Promise<void> {
  const jars = join(draft, 'jars');
  await mavenInstall(
    draft,
    jars,
    [
      { group: 'org.elasticsearch.distribution.integ-test-zip', name: 'elasticsearch', version, type: 'zip' },
      { group: 'org.apache.lucene', name: 'lucene-analysis-smartcn', version: '9.12.2', alone: true },
    ],
    tools,
  );
  const home = join(draft, 'home');
  await tools.run('jar', ['xf', join(jars, `elasticsearch-${version}.zip`)], jdk, { cwd: draft });
  await rename(join(draft, `elasticsearch-${version}`), home);
  // They belong to x-pack, which isn't there, or want rights that this process hasn't.
  for (const module of ['apm', 'x-pack-core', 'x-pack-security']) {
    await rm(join(home, 'modules', module), { recursive: true, force: true });
  }
  await compile(draft, home, jars, tools);
  await rm(jars, { recursive: true });
}

async function compile(draft: string, home: string, jars: string, tools: InstallTools): Promise<void> {
  const plugin = join(home, 'plugins', 'mindora-extras');
  const classes = join(draft, 'classes');
  await mkdir(plugin, { recursive: true });
  await tools.run('javac', ['-cp', `${home}/lib/*`, '-d', join(draft, 'launcher'), `${sources}Launcher.java`], jdk);
  await tools.run('javac', ['-cp', `${home}/lib/*:${jars}/*`, '-d', classes, `${sources}ExtrasPlugin.java`], jdk);
  await tools.run('jar', ['cf', join(plugin, 'mindora-extras.jar'), '-C', classes, '.'], jdk);
  for (const name of await readdir(jars)) {
    if (name.startsWith('lucene-analysis-smartcn')) await copyFile(join(jars, name), join(plugin, name));
  }
  await writeFile(join(plugin, 'plugin-descriptor.properties'), descriptor);
}

function javaArguments(run: Run): string[] {
  const home = `${run.files}/home`;
  const natives = `${home}/lib/platform/linux-${process.arch === 'arm64' ? 'aarch64' : 'x64'}`;
  return [
    ...['-Xms256m', '-Xmx512m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'],
    ...[`-Des.path.home=${home}`, `-Des.path.conf=${home}/config`, '-Des.distribution.type=zip'],
    ...['-Djava.locale.providers=CLDR', '-Dlog4j2.disable.jmx=true', '-Dlog4j.shutdownHookEnabled=false'],
    ...['-Djna.nosys=true', `-Djava.library.path=${natives}`, `-Des.nativelibs.path=${natives}`],
    ...[`-Djava.io.tmpdir=${run.directory}/tmp`, '--add-modules=jdk.net', '--add-opens=java.base/java.io=ALL-UNNAMED'],
    ...['--module-path', `${home}/lib`, '--add-modules', 'ALL-MODULE-PATH', '-cp', `${run.files}/launcher`],
    ...['Launcher', home],
  ];
}

/** Elasticsearch without x-pack, so without accounts; nor `_delete_by_query`, `_reindex` and scripts. */
export const elasticsearch: EngineDefinition = {
  name: 'elasticsearch',
  installation: { version, install },
  ports: ['transport'],
  startTimeoutMs: 240_000,
  async configure(_run, { folder }) {
    await folder('tmp');
  },
  command: (run) => ({
    file: 'java',
    args: [
      ...javaArguments(run),
      ...[`path.data=${run.directory}/data`, `path.logs=${run.directory}/logs`],
      ...[`http.port=${run.port}`, `transport.port=${run.ports.transport}`, 'network.host=127.0.0.1'],
      ...['discovery.type=single-node', 'cluster.name=mindora'],
      ...Object.entries(run.settings).map(([name, value]) => `${name}=${value}`),
    ],
  }),
  url: (run) => `http://127.0.0.1:${run.port}`,
  async ask(run) {
    const { status } = await fetchJson(`${this.url(run)}/_cluster/health?timeout=500ms`);
    if (status === 'red') throw new Error('the cluster is red');
    const { version: told } = await fetchJson(this.url(run));
    return `Elasticsearch ${(told as { number: string }).number}`;
  },
};
