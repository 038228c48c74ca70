/** Reads the repository's pages, as far as the tests of the documentation need it. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { ROOT } from '../tidy/source.ts';

/** A fenced block with its language, e.g. `sh`. */
export interface Block {
  readonly language: string;
  readonly text: string;
}

export interface Page {
  /** Relative to the repository, with slashes. */
  readonly path: string;
  readonly text: string;
  /** The text without fenced blocks. */
  readonly prose: string;
  readonly blocks: readonly Block[];
}

const skipped = new Set(['node_modules', 'data', 'coverage']);

/** Every *.md of the repository. */
export function readPages(): Page[] {
  return walk(ROOT).map((file) => parsePage(relative(ROOT, file).replaceAll('\\', '/'), readFileSync(file, 'utf8')));
}

export function readPage(path: string): Page {
  return parsePage(path, readFileSync(join(ROOT, path), 'utf8'));
}

function walk(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return skipped.has(entry.name) || entry.name.startsWith('.') ? [] : walk(path);
    return entry.name.endsWith('.md') ? [path] : [];
  });
}

export function parsePage(path: string, text: string): Page {
  const blocks: Block[] = [];
  const prose = text.replace(/^```(\w*).*\n([\s\S]*?)^```$/gm, (_all, language: string, content: string) => {
    blocks.push({ language, text: content });
    return '';
  });
  return { path, text, prose, blocks };
}

/** The anchors of a page: those of its headings as GitHub makes them, and those written as `<a id="...">`. */
export function anchorsOf({ prose }: Page): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading = ''] of prose.matchAll(/^#{1,6} (.+)$/gm)) {
    const slug = slugOf(heading);
    let name = slug;
    for (let n = 1; anchors.has(name); n++) name = `${slug}-${n}`;
    anchors.add(name);
  }
  for (const [, id = ''] of prose.matchAll(/<a id="([^"]+)">/g)) anchors.add(id);
  return anchors;
}

function slugOf(heading: string): string {
  const plain = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').trim();
  return plain
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\- _]/gu, '')
    .replaceAll(' ', '-');
}

/** Targets of `[text](target)`, code left out. */
export function linksOf({ prose }: Page): string[] {
  const withoutCode = prose.replace(/`[^`]*`/g, '');
  return [...withoutCode.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
}

/** What stands in code: inline spans, and the lines of shell blocks. */
export function codeOf({ prose, blocks }: Page): string[] {
  const spans = [...prose.matchAll(/`([^`]+)`/g)].map(([, span = '']) => span.replace(/\s+/g, ' '));
  const lines = blocks.filter(({ language }) => language === 'sh').flatMap(({ text }) => joinedLines(text));
  return [...spans, ...lines];
}

/** Lines of a shell block, continued ones joined. */
function joinedLines(text: string): string[] {
  return text.replaceAll('\\\n', ' ').split('\n');
}

/** Cells of the tables of a page, without their heads. */
export function rowsOf({ prose }: Page): string[][] {
  const lines = prose.split('\n').filter((line) => line.startsWith('|'));
  const isRule = (line: string | undefined): boolean => line !== undefined && /^\|[\s\-:|]+\|$/.test(line);
  const rows = lines.filter((line, at) => !isRule(line) && !isRule(lines[at + 1]));
  return rows.map((row) =>
    row
      .slice(1, row.lastIndexOf('|'))
      .split(/(?<!\\)\|/)
      .map((cell) => cell.trim()),
  );
}
