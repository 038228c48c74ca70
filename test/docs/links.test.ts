import { existsSync } from 'node:fs';
import { join, posix } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { ROOT } from '../tidy/source.ts';
import { anchorsOf, linksOf, type Page, parsePage, readPages } from './markdown.ts';

const pages = readPages();

/** Each relative link of a page that leads nowhere. */
function deadLinks(page: Page, all: readonly Page[]): string[] {
  return linksOf(page).flatMap((target) => {
    if (/^[a-z]+:/.test(target)) return [];
    const [file = '', anchor] = target.split('#');
    const path = file === '' ? page.path : posix.join(posix.dirname(page.path), file);
    if (!existsSync(join(ROOT, path))) return [`${page.path}: no file ${target}`];
    if (anchor === undefined) return [];
    const found = path === page.path ? page : all.find((other) => other.path === path);
    return found !== undefined && anchorsOf(found).has(anchor) ? [] : [`${page.path}: no anchor ${target}`];
  });
}

describe('the pages', () => {
  it('have no dead link', () => {
    expect(pages.length).toBeGreaterThan(10);
    expect(pages.flatMap((page) => deadLinks(page, pages))).toEqual([]);
  });

  it('are there for every package', () => {
    const packages = pages.filter(({ path }) => path.endsWith('/README.md')).map(({ path }) => posix.dirname(path));
    const shared = ['runtime', 'bus', 'stores', 'testing', 'sdk'].map((name) => `shared/${name}`);
    const services = 'analysis config conversation gateway graph identity model search vector';
    const expected = [
      'contracts',
      'sync',
      'scripts',
      ...shared,
      ...services.split(' ').map((name) => `services/${name}`),
    ];
    expect(packages).toEqual(expect.arrayContaining(expected));
  });

  it('name every decision record', () => {
    const records = pages
      .filter(({ path }) => /^docs\/decisions\/\d/.test(path))
      .map(({ path }) => posix.basename(path));
    const index = pages.find(({ path }) => path === 'docs/decisions/README.md');
    expect(index === undefined ? [] : linksOf(index).sort()).toEqual(records.sort());
  });
});

describe('the checker', () => {
  const other = parsePage('docs/b.md', '# One & two\n\n## Same\n\n## Same\n\n<a id="own"></a>\n');

  it.each(['#one', 'b.md#one', '../no.md', 'a.md#x'])('sees a link that leads nowhere: %s', (target) => {
    expect(deadLinks(parsePage('docs/a.md', `[x](${target})`), [other])).toHaveLength(1);
  });

  it('knows the anchors of a page', () => {
    expect([...anchorsOf(other)]).toEqual(['one--two', 'same', 'same-1', 'own']);
  });

  it('leaves code alone', () => {
    expect(linksOf(parsePage('docs/a.md', '`[x](y)`\n\n```sh\n[x](y)\n```\n[x](z)'))).toEqual(['z']);
  });
});
