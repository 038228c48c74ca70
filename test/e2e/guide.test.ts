/**
 * The tour of docs/guide.md and the first steps of README.md, typed into a shell: each block of commands must give the
 * (standard) output that is shown below it. In that, an ellipsis stands for anything, and white space doesn't count. Needs curl.
 */
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type TemporaryDirectory, temporaryDirectory } from '@mindora/testing/plain';
import { type Block, readPage } from '../docs/markdown.ts';
import { Shell } from '../support/shell.ts';
import { type RunningVersion, startVersion } from '../support/version.ts';
import { ROOT } from '../tidy/source.ts';

const main = join(ROOT, 'scripts/src/main.ts');
const sqlite = join(import.meta.dirname, '../support/sqlite.ts');

let directory: TemporaryDirectory;
let shell: Shell;
let version: RunningVersion | null = null;

beforeEach(async () => {
  directory = await temporaryDirectory();
  shell = new Shell(ROOT, { DATA: directory.path, NODE: process.execPath });
  // The command line of this tree with the test's data; where the machine has no sqlite3, a stand-in.
  await shell.run(`npx() { shift; "$NODE" '${main}' "$@" --data "$DATA"; }
    if command -v sqlite3 >/dev/null; then sqlite3() { command sqlite3 -cmd '.timeout 10000' "$@"; }
    else sqlite3() { "$NODE" '${sqlite}' "$@"; }; fi`);
});

afterEach(async () => {
  shell.end();
  await version?.stop();
  version = null;
  await directory.remove();
});

test.each(['README.md', 'docs/guide.md'])('what %s shows is what happens', async (page) => {
  const port = await freePort();
  const { blocks } = readPage(page);
  for (const [at, block] of blocks.entries()) {
    if (block.language !== 'sh' || /npm test/.test(block.text)) continue;
    if (/npm start/.test(block.text)) {
      await version?.ended;
      version = await startVersion(directory.path, ['--port', String(port)]);
      continue;
    }
    const output = await shell.run(localized(block.text, port));
    // Whoever types this is slower than sync.
    if (/ import /.test(block.text)) await shell.run('npx mindora verify');
    const shown = shownBelow(blocks[at + 1]);
    if (shown !== null && !agrees(shown, output)) expect(`${block.text}\n${output}`).toBe(`${block.text}\n${shown}`);
  }
});

/** Commands of the page, for this version. */
function localized(commands: string, port: number): string {
  return commands
    .replaceAll('127.0.0.1:8206', `127.0.0.1:${port}`)
    .replaceAll('data/future', `${directory.path}/future`);
}

function shownBelow(block: Block | undefined): string | null {
  return block?.language === 'text' ? block.text : null;
}

/** Each part between ellipses occurs behind the one before; the first begins the output, the last ends it. */
function agrees(shown: string, output: string): boolean {
  const [first = '', ...rest] = squeeze(shown).split('…');
  const text = squeeze(output);
  const last = rest.pop();
  if (last === undefined) return text === first;
  let at = first.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found === -1) return false;
    at = found + part.length;
  }
  return text.startsWith(first) && text.endsWith(last) && text.length - last.length >= at;
}

function squeeze(text: string): string {
  return text.replace(/\s+/g, '');
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
