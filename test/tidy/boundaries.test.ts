import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { packageFiles } from '@mindora/cli/bootstrap/install.mjs';
import { findBreaches, findWriters, importsOf, type Manifest } from './boundaries.ts';
import { parseSource, ROOT, readSources } from './source.ts';

interface PackageJson {
  name: string;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
}

function readManifest(file: string): Manifest {
  const json = JSON.parse(readFileSync(join(ROOT, file), 'utf8')) as PackageJson;
  return {
    folder: dirname(file) === '.' ? '' : dirname(file),
    name: json.name,
    dependencies: new Set(Object.keys(json.dependencies ?? {})),
    devDependencies: new Set(Object.keys(json.devDependencies ?? {})),
  };
}

const manifests = packageFiles(ROOT).map(readManifest);

function breaches(path: string, text: string): string[] {
  return findBreaches([parseSource(path, text)], manifests).map((line) => line.slice(path.length + 2));
}

describe('the repository', () => {
  const sources = readSources();

  it('keeps the import borders', () => {
    expect(findBreaches(sources, manifests)).toEqual([]);
  });

  it('writes to stdout in one file', () => {
    expect(findWriters(sources).length).toBeLessThanOrEqual(1);
  });

  it('has every workspace package', () => {
    expect(manifests.length).toBeGreaterThanOrEqual(18);
    expect(sources.length).toBeGreaterThan(manifests.length);
  });
});

describe('the checker', () => {
  it.each([
    [
      'contracts/src/x.ts',
      "import { a } from '@mindora/runtime';",
      '@mindora/contracts may not import @mindora/runtime',
    ],
    ['shared/bus/src/x.ts', "import '@mindora/stores';", '@mindora/bus may not import @mindora/stores'],
    ['shared/sdk/src/x.ts', "export * from '@mindora/runtime';", '@mindora/sdk may not import @mindora/runtime'],
    [
      'services/graph/src/x.ts',
      "await import('@mindora/sync');",
      '@mindora/graph-service may not import @mindora/sync',
    ],
    [
      'services/graph/src/x.ts',
      "import type { A } from '@mindora/search-service';",
      '@mindora/graph-service may not import @mindora/search-service',
    ],
    ['sync/src/x.ts', "type A = import('@mindora/testing').A;", '@mindora/sync may not import @mindora/testing'],
  ])('sees an import across a border in %s', (path, text, breach) => {
    expect(breaches(path, text)).toEqual([breach]);
  });

  it.each([
    ['contracts/src/x.ts', "import { readFileSync } from 'node:fs';", 'contracts does no I/O: node:fs'],
    ['sync/src/x.ts', "import fs from 'fs';", 'write node:fs for fs'],
    ['sync/src/x.ts', "import { b } from '../../contracts/src/index.ts';", 'leaves the package @mindora/sync'],
    ['sync/src/x.ts', "import fastify from 'fastify';", 'imports fastify, which its package.json lacks'],
    ['sync/src/x.ts', "import { test } from '@jest/globals';", 'imports @jest/globals, which its package.json lacks'],
    ['sync/src/x.ts', 'const url = process.env.URL;', 'process.env outside of config.ts'],
    ['sync/src/x.ts', 'const { URL } = process.env;', 'process.env outside of config.ts'],
    ['sync/test/x.test.ts', "console.log('here');", 'console'],
  ])('sees in %s: %s', (path, text, breach) => {
    expect(breaches(path, text)).toEqual([expect.stringContaining(breach)]);
  });

  it.each([
    ['sync/src/x.ts', "import { a } from '@mindora/stores'; import b from '@mindora/bus'; import './y.ts';"],
    ['sync/test/x.test.ts', "import { a } from '@mindora/testing'; import { it } from '@jest/globals';"],
    ['sync/src/config.ts', 'const url = process.env.URL;'],
    ['scripts/src/x.ts', "import { a } from '@mindora/gateway-service';"],
    ['contracts/src/x.ts', "import { createHash } from 'node:crypto'; import { z } from 'zod';"],
    ['sync/src/x.ts', "// import '@mindora/testing'\nconst text = \"import 'fastify'; console.log(process.env)\";"],
  ])('lets pass in %s: %s', (path, text) => {
    expect(breaches(path, text)).toEqual([]);
  });

  it('reads each form of an import', () => {
    const text = "import a from 'a'; import type B from 'b'; export * from 'c'; export { d } from 'd'; import('e');";
    expect(importsOf(parseSource('sync/src/x.ts', text))).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('counts the files that write to stdout', () => {
    const write = (path: string) => parseSource(path, "process.stdout.write('x');");
    expect(findWriters([write('scripts/src/a.ts'), write('sync/src/b.ts'), write('sync/test/c.test.ts')])).toEqual([
      'scripts/src/a.ts',
      'sync/src/b.ts',
    ]);
  });
});
