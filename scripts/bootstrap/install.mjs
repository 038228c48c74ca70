import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withLock } from './lock.mjs';
import { BootstrapError, say, timed } from './report.mjs';
import { run } from './run.mjs';
import { ensureNode, ensurePnpm, withNodeOnPath } from './toolchain.mjs';

/** Makes `root` ready to run: the right Node and the locked dependencies. Returns the path of that Node. */
export async function prepare(root) {
  const cache = join(root, 'node_modules', '.cache', 'toolchain');
  const node = ensureNode.present(cache);
  if (node !== undefined && isInstalled(root, node)) return node;
  return withLock(join(cache, 'install.lock'), async () => {
    const ready = await ensureNode(cache);
    if (!isInstalled(root, ready)) await install(root, cache, ready);
    return ready;
  });
}

async function install(root, cache, node) {
  const pnpm = await ensurePnpm(cache);
  rmSync(stampFile(root), { force: true });
  await timed('installing dependencies', async () => {
    const args = ['install', '--frozen-lockfile', '--reporter=append-only'];
    // stdout belongs to the command that runs afterwards.
    const { code } = await run(pnpm, args, { cwd: root, env: withNodeOnPath(node), stdio: ['ignore', 2, 2] });
    if (code !== 0) {
      throw new BootstrapError(
        `pnpm install failed (exit ${code}). Is the package registry reachable? If a package.json changed, update ` +
          'the lockfile: npm run deps -- install',
      );
    }
  });
  writeFileSync(stampFile(root), stamp(root, node));
}

/** Runs the pinned pnpm, for changes of dependencies; the next command then installs nothing twice. */
export async function runPnpm(root, args) {
  const cache = join(root, 'node_modules', '.cache', 'toolchain');
  return withLock(join(cache, 'install.lock'), async () => {
    const node = await ensureNode(cache);
    const result = await run(await ensurePnpm(cache), args, { cwd: root, env: withNodeOnPath(node) });
    if (result.code === 0 && /^(add|i|install|remove|rm|update|up)$/.test(args[0] ?? '')) {
      writeFileSync(stampFile(root), stamp(root, node));
    } else if (result.code !== 0) say('pnpm failed');
    return result;
  });
}

function isInstalled(root, node) {
  if (!existsSync(stampFile(root)) || !existsSync(join(root, 'node_modules', '.pnpm'))) return false;
  return readFileSync(stampFile(root), 'utf8') === stamp(root, node);
}

function stampFile(root) {
  return join(root, 'node_modules', '.cache', 'toolchain', 'installed');
}

/** A digest of all that decides what an installation contains. */
export function stamp(root, node = '') {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch} ${node}\n`);
  for (const file of ['pnpm-lock.yaml', 'pnpm-workspace.yaml', ...packageFiles(root)]) {
    hash
      .update(`${file}\n`)
      .update(readFileSync(join(root, file)))
      .update('\n');
  }
  return hash.digest('hex');
}

/** The package.json files of the workspace: the root's and those that pnpm-workspace.yaml's `packages: [...]` names. */
export function packageFiles(root) {
  const list = /^packages: *\[([^\]]*)\]/m.exec(readFileSync(join(root, 'pnpm-workspace.yaml'), 'utf8'));
  if (list === null) throw new BootstrapError('pnpm-workspace.yaml has no line "packages: [...]"');
  const patterns = list[1].split(',').map((entry) => entry.trim());
  const folders = patterns.flatMap((pattern) =>
    pattern.endsWith('/*') ? children(root, pattern.slice(0, -2)) : [pattern],
  );
  return ['package.json', ...folders.map((folder) => `${folder}/package.json`)].filter((file) =>
    existsSync(join(root, file)),
  );
}

function children(root, folder) {
  if (!existsSync(join(root, folder))) return [];
  const entries = readdirSync(join(root, folder), { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => `${folder}/${entry.name}`)
    .sort();
}
