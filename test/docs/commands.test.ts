/** What pages show can be typed: commands and options, npm scripts, paths of the API, variables. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { configurationNames } from '@mindora/cli/config';
import { createProgram } from '@mindora/cli/program';
import { routes } from '@mindora/contracts/routes';
import { ROOT } from '../tidy/source.ts';
import { codeOf, parsePage, readPages } from './markdown.ts';

const program = createProgram();
type Program = typeof program;

/** What is wrong with a shown command line; null where it can be typed. */
function wrongCommand(line: string): string | null {
  const words = line.split(/\s+/);
  let command: Program = program;
  while (command.commands.length > 0 && words[0] !== undefined && !words[0].startsWith('-')) {
    // `list|show` names several commands at once.
    const names = (words.shift() ?? '').split('|');
    const found = names.map((name) => command.commands.find((candidate) => candidate.name() === name));
    const [first] = found;
    if (first === undefined || found.includes(undefined)) return `no command ${names.join('|')}`;
    command = first;
  }
  const known = command.options.flatMap(({ long, short }) => [long, short]);
  const unknown = words.filter((word) => /^--?[a-z]/.test(word) && ![...known, '--help'].includes(word));
  return unknown.length === 0 ? null : `${command.name()} has no ${unknown.join(', ')}`;
}

/** The command lines in a piece of code: up to where the shell would begin something else. */
function commandsIn(code: string): string[] {
  const found = code
    .replaceAll('\\|', '|')
    .matchAll(/(?:^|[\s($])(?:npx mindora|mindora|npm start --) ([a-z-][^`;&)>#]*)/g);
  return [...found].map(([all, rest = '']) => (all.includes('npm start') ? `up ${rest}` : rest).split(' | ')[0] ?? '');
}

const methodsAndPaths = routes.map(({ path }) => path);
const patterns = methodsAndPaths.map((path) => new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`));

/** A path ending in `/` names what begins so. */
function isPath(path: string): boolean {
  if (path.endsWith('/')) return methodsAndPaths.some((known) => known.startsWith(path));
  return patterns.some((pattern) => pattern.test(path));
}

function pathsIn(text: string): string[] {
  return [...text.matchAll(/\/api\/[\w/{}$.-]*/g)].map(([path]) => path.replace(/[.]+$/, ''));
}

const scripts = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).scripts as Record<string, string>;

function scriptsIn(code: string): string[] {
  return [...code.matchAll(/npm (?:run ([\w:-]+)|(start|test))/g)].map(([, run, short]) => run ?? short ?? '');
}

const pages = readPages();
const inPages = (find: (text: string) => readonly string[]) =>
  pages.flatMap((page) => codeOf(page).flatMap((code) => find(code).map((what) => `${page.path}: ${what}`)));

describe('the pages show', () => {
  it('commands and options that are there', () => {
    expect(inPages(commandsIn).length).toBeGreaterThan(20);
    expect(inPages((code) => commandsIn(code).flatMap((line) => wrongCommand(line) ?? []))).toEqual([]);
  });

  it('every command on the first page', () => {
    const readme = pages.find(({ path }) => path === 'README.md')?.text ?? '';
    const missing = program.commands.filter((command) => !readme.includes(`\`npx mindora ${command.name()}`));
    expect(missing.map((command) => command.name())).toEqual([]);
  });

  it('npm scripts that are there', () => {
    expect(inPages((code) => scriptsIn(code).filter((name) => scripts[name] === undefined))).toEqual([]);
  });

  it('paths of the API that are there', () => {
    const all = pages.flatMap(({ path, text }) => pathsIn(text).map((shown) => ({ path, shown })));
    expect(all.length).toBeGreaterThan(40);
    expect(all.filter(({ shown }) => !isPath(shown))).toEqual([]);
  });

  it('variables that are there', () => {
    const shown = pages.flatMap(({ text }) => [...text.matchAll(/MINDORA_[A-Z_]*[A-Z]/g)].map(([name]) => name));
    expect([...new Set(shown)].filter((name) => !configurationNames.includes(name))).toEqual([]);
  });
});

describe('the checker', () => {
  it.each([
    ['npx mindora verfy', 'no command verfy'],
    ['npx mindora parked list|look', 'no command list|look'],
    ['mindora verify --store graph --fix', 'verify has no --fix'],
    ['npm start -- --prot 1', 'up has no --prot'],
  ])('sees %s', (code, wrong) => {
    expect(commandsIn(code).map(wrongCommand)).toEqual([wrong]);
  });

  it.each(['npx mindora verify --repair # mends', 'mindora parked list --store graph | head', 'KEY=$(mindora status)'])(
    'lets pass %s',
    (code) => {
      expect(commandsIn(code).map(wrongCommand)).toEqual([null]);
    },
  );

  it('sees a path that is not there, and a script', () => {
    expect(pathsIn('GET $URL/api/v1/ai/histories/lin?limit=1').filter((path) => !isPath(path))).toHaveLength(1);
    expect(pathsIn('$URL/api/v1/ai/history/$ME').filter((path) => !isPath(path))).toHaveLength(0);
    expect(codeOf(parsePage('a.md', '`npm run nothing`')).flatMap(scriptsIn)).toEqual(['nothing']);
  });
});
