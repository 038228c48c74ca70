import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { parseSync } from '@swc/core';

export const ROOT = resolve(import.meta.dirname, '../..');
const FOLDERS = ['contracts', 'shared', 'services', 'sync', 'scripts', 'test'];

/** A syntax node; what else it has depends on its type. */
export interface Node {
  readonly type: string;
  readonly span?: { readonly start: number; readonly end: number };
  readonly [field: string]: unknown;
}

export interface Source {
  /** Relative to the repository, with slashes. */
  readonly path: string;
  readonly text: string;
  readonly nodes: readonly Node[];
}

/** Parses one file; `nodes` lists its syntax nodes, outer before inner. */
export function parseSource(path: string, text: string): Source {
  const nodes: Node[] = [];
  collect(parseSync(text, { syntax: 'typescript', target: 'es2024' }), nodes);
  return { path, text, nodes };
}

/** All source files of the repository, the plain JavaScript of its tools included. */
export function readSources(): Source[] {
  return FOLDERS.flatMap((folder) => walk(join(ROOT, folder))).map((file) =>
    parseSource(relative(ROOT, file).replaceAll('\\', '/'), readFileSync(file, 'utf8')),
  );
}

export function isTest(path: string): boolean {
  return path.startsWith('test/') || /\/test\//.test(path) || path.endsWith('.test.ts');
}

/** The name that `a.b.c` spells, undefined for anything else. */
export function dottedName(node: unknown): string | undefined {
  if (!isNode(node)) return undefined;
  if (node.type === 'Identifier') return String(node.value);
  if (node.type !== 'MemberExpression') return undefined;
  const object = dottedName(node.object);
  const property = dottedName(node.property);
  return object === undefined || property === undefined ? undefined : `${object}.${property}`;
}

export function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as Node).type === 'string';
}

function walk(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.isDirectory()) return isSkipped(entry.name) ? [] : walk(join(folder, entry.name));
    return /\.(ts|mjs)$/.test(entry.name) ? [join(folder, entry.name)] : [];
  });
}

function isSkipped(name: string): boolean {
  return name === 'node_modules' || name === 'generated' || name.startsWith('.');
}

function collect(value: unknown, into: Node[]): void {
  if (Array.isArray(value)) {
    for (const item of value) collect(item, into);
  } else if (typeof value === 'object' && value !== null) {
    if (isNode(value)) into.push(value);
    for (const item of Object.values(value)) collect(item, into);
  }
}
