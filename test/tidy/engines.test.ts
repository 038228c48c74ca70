/** The lists of engines agree: what the launcher starts, what Compose runs, and how they are reached. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { ROOT } from './source.ts';

interface Service {
  readonly image: string;
  readonly ports: readonly string[];
  readonly healthcheck?: object;
}

const text = readFileSync(join(ROOT, 'compose/engines.yaml'), 'utf8');
const services = (parse(text, { merge: true }) as { services: Record<string, Service> }).services;
const port = readFileSync(join(ROOT, 'shared/testing/src/engines/port.ts'), 'utf8');
const names = [...(/engineNames = \[([^\]]*)\]/.exec(port)?.[1] ?? '').matchAll(/'(\w+)'/g)].map(([, name]) => name);

describe('compose/engines.yaml', () => {
  it('has the engines of the launcher, MySQL for both of its kind, but no embedding model', () => {
    const wanted = names.filter((name) => name !== 'mariadb' && name !== 'embeddings');
    expect(Object.keys(services).sort()).toEqual(wanted.sort());
  });

  it.each(Object.entries(services))('%s: pinned, checked, on loopback', (_name, { image, ports, healthcheck }) => {
    expect(image).toMatch(/:(?!latest)[\w.-]*\d/);
    expect(healthcheck).toBeDefined();
    expect(ports.filter((one) => !one.startsWith('127.0.0.1:'))).toEqual([]);
  });

  it('holds no secret', () => {
    expect(text.match(/PASS(WORD)?: (?!'?\$\{)\S+/g)).toBeNull();
  });
});
