/** Alert rules: right, each seen to fire, each told in the docs. The tests of the rules themselves are promtool's. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from '@jest/globals';
import { stringify } from 'yaml';
import { readPage, rowsOf } from '../docs/markdown.ts';
import {
  alertsSeenToFire,
  expressionsOf,
  metricsOf,
  readDashboards,
  readRules,
  readShared,
  sharedDirectory,
  sharedFiles,
} from '../support/monitoring.ts';
import { findPromtool } from '../support/promtool.ts';

const promtool = findPromtool();
const rules = readRules();
const names = rules.map(({ alert }) => alert);
const directory = mkdtempSync(join(tmpdir(), 'mindora-rules-'));

afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** What it prints; its exit code must be 0. */
async function run(...args: readonly string[]): Promise<string> {
  if (promtool.path === null) throw new Error('promtool is not installed');
  const { stdout, stderr } = await promisify(execFile)(promtool.path, [...args], { timeout: 50_000 });
  return stdout + stderr;
}

const pathsOf = (folder: string): string[] => sharedFiles(folder).map((file) => join(sharedDirectory, file));

/** The configuration in one file, with paths of this machine: older promtools know no files of scrape configurations. */
function writeConfiguration(): string {
  const { scrape_config_files, rule_files, ...main } = readShared<Record<string, unknown>>('prometheus/prometheus.yml');
  expect([scrape_config_files, rule_files]).toEqual([
    ['/etc/prometheus/versions/*.yml'],
    ['/etc/prometheus/rules/*.yml'],
  ]);
  const key = join(directory, 'key');
  writeFileSync(key, 'mk_x');
  const scrape_configs = sharedFiles('prometheus/versions').flatMap((file) => {
    const { scrape_configs: found } = readShared<{ scrape_configs: object[] }>(file);
    return found.map((one) => ({ ...one, authorization: { credentials_file: key } }));
  });
  const file = join(directory, 'prometheus.yml');
  writeFileSync(file, stringify({ ...main, rule_files: pathsOf('prometheus/rules'), scrape_configs }));
  return file;
}

if (promtool.leftOut === null) {
  describe('promtool', () => {
    it('finds the rules right', async () => {
      expect(await run('check', 'rules', ...pathsOf('prometheus/rules'))).not.toContain('FAILED');
    });

    it('finds that they fire when they should, and only then', async () => {
      expect(await run('test', 'rules', ...pathsOf('prometheus/tests'))).not.toContain('FAILED');
    });

    it('finds the configuration right', async () => {
      expect(await run('check', 'config', writeConfiguration())).toContain('is valid prometheus config file syntax');
    });
  });
} else {
  it.todo(`promtool finds the rules right: ${promtool.leftOut}`);
}

describe('the rules', () => {
  it('have a name of their own, a severity, and a sentence that names the version', () => {
    expect(names.length).toBeGreaterThan(20);
    expect(new Set(names).size).toBe(names.length);
    for (const { alert, labels, annotations } of rules) {
      expect([alert, labels.severity]).toEqual([alert, expect.stringMatching(/^(critical|warning)$/)]);
      expect(annotations.summary).toContain('{{ $labels.version }}');
    }
  });

  it('are each seen to fire by a test', () => {
    expect([...alertsSeenToFire()].sort()).toEqual([...names].sort());
  });

  it('are each in docs/monitoring.md, with their severity, what they mean and what to do', () => {
    const rows = rowsOf(readPage('docs/monitoring.md')).filter(([, severity]) =>
      /critical|warning/.test(severity ?? ''),
    );
    const told = rows.flatMap(([alerts = '', severity, means, advice]) =>
      [...alerts.matchAll(/`(\w+)`/g)].map(([, alert]) => ({ alert, severity, means, advice })),
    );
    const wanted = rules.map(({ alert, labels }) => {
      return {
        alert,
        severity: labels.severity,
        means: expect.stringMatching(/\w/),
        advice: expect.stringMatching(/\w/),
      };
    });
    const byName = <T extends { alert: string | undefined }>(all: readonly T[]): T[] =>
      all.toSorted((one, other) => String(one.alert).localeCompare(String(other.alert)));
    expect(byName(told)).toEqual(byName(wanted));
  });
});

describe('expressions', () => {
  it.each([
    ['rate(a_total{b="c_total"}[5m]) / on (version, store) d > 1', ['a_total', 'd']],
    ['sum by (version) (a unless on (version) b) or 0 * c + 1e3', ['a', 'b', 'c']],
    ["histogram_quantile(0.95, sum by (le) (rate(a_bucket{route!~'/x|y'}[5m])))", ['a_bucket']],
  ])('name their metrics: %s', (expression, expected) => {
    expect(metricsOf(expression)).toEqual(expected);
  });

  it('of a dashboard all ask for the chosen versions', () => {
    for (const dashboard of readDashboards()) {
      const asked = expressionsOf(dashboard).filter((expression) => expression.includes('('));
      expect(asked.length).toBeGreaterThan(3);
      expect(asked.filter((expression) => !expression.includes('version=~"$version"'))).toEqual([]);
    }
  });
});
