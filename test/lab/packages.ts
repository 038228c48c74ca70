/** What the lab installs beside engines: Compose, and a small Debian as the base of images. */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type InstallTools, installed, unpackDebian } from '@mindora/testing/engines';
import { attempt } from './commands.ts';

const release = 'bookworm';
const needsDebian = 'a Debian system, as root';

/** The stable branch has only the first Compose, which reads none of these files. */
function installCompose(draft: string, tools: InstallTools): Promise<void> {
  return unpackDebian(draft, tools, { name: 'docker-compose', alone: true }, needsDebian);
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
