/** What the lab installs beside engines: Compose, and a small Debian as the base of images. */
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type InstallTools, installed } from '@mindora/testing/engines';
import { attempt } from './commands.ts';

const release = 'bookworm';
const needsDebian = 'a Debian system, as root';
const keys = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** Settings under which apt knows this folder only, so that no package of the system changes. */
function aptOptions(folder: string): string[] {
  const settings = {
    'Dir::Etc::sourcelist': `${folder}/sources.list`,
    'Dir::Etc::sourceparts': '-',
    'Dir::State': `${folder}/state`,
    'Dir::State::status': `${folder}/status`,
    'Dir::Cache': `${folder}/cache`,
    'APT::Sandbox::User': 'root',
    'APT::Update::Post-Invoke-Success': '',
  };
  return Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
}

/** The stable branch has only the first Compose, which reads none of these files. */
async function installCompose(draft: string, tools: InstallTools): Promise<void> {
  const apt = join(draft, 'apt');
  for (const folder of ['state/lists/partial', 'cache/archives/partial']) {
    await mkdir(join(apt, folder), { recursive: true });
  }
  await writeFile(join(apt, 'sources.list'), `deb [signed-by=${keys}] http://deb.debian.org/debian sid main\n`);
  await writeFile(join(apt, 'status'), '');
  const quiet = [...aptOptions(apt), '-qq'];
  await tools.run('apt-get', [...quiet, 'update'], needsDebian);
  await tools.run('apt-get', [...quiet, 'download', 'docker-compose'], needsDebian, { cwd: draft });
  for (const name of await readdir(draft)) {
    if (name.endsWith('.deb')) await tools.run('dpkg-deb', ['-x', join(draft, name), join(draft, 'root')], needsDebian);
  }
  await rm(apt, { recursive: true });
}

/** @returns the program and its first arguments: Docker's plug-in where it is, else the binary of its own */
export async function composeCommand(): Promise<readonly string[]> {
  for (const command of [['docker', 'compose'], ['docker-compose']]) {
    const { code, output } = await attempt(command[0] ?? '', [...command.slice(1), 'version', '--short']);
    if (code === 0 && !output.startsWith('1.')) return command;
  }
  const folder = await installed({ name: 'docker-compose', installation: { version: 'sid', install: installCompose } });
  const found = await readdir(join(folder, 'root'), { recursive: true });
  const binary = found.find((path) => path.endsWith('/docker-compose') && path.includes('lib'));
  return [join(folder, 'root', binary ?? 'usr/libexec/docker/cli-plugins/docker-compose')];
}

async function installBase(draft: string, tools: InstallTools): Promise<void> {
  const root = join(draft, 'root');
  const needs = `${needsDebian}, with the package debootstrap`;
  await tools.run('debootstrap', ['--variant=minbase', '--include=ca-certificates', release, root], needs);
  const left = [
    './var/cache/apt/*',
    './var/lib/apt/lists/*',
    './usr/share/doc',
    './usr/share/man',
    './usr/share/locale',
  ];
  const excluded = left.map((path) => `--exclude=${path}`);
  await tools.run('tar', ['-C', root, ...excluded, '-cf', join(draft, 'root.tar'), '.'], needsDebian);
  await rm(root, { recursive: true });
}

/** The root file system of a small Debian, as an archive. */
export async function baseArchive(): Promise<string> {
  const folder = await installed({
    name: 'debian-base',
    installation: { version: `${release}-1`, install: installBase },
  });
  return join(folder, 'root.tar');
}
