/** What dashboards and alert rules ask for is what a running version measures; its key opens that and nothing else. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createApi, exchange } from '../support/api.ts';
import { temporaryData } from '../support/data.ts';
import { expressionsOf, metricsOf, ownOfPrometheus, readDashboards, readRules } from '../support/monitoring.ts';
import { launchVersion, mindoraJson, type RunningVersion, whenReady } from '../support/version.ts';

let directory: Awaited<ReturnType<typeof temporaryData>>;
let version: RunningVersion;
let key: string;

const get = (path: string, shown: string) =>
  fetch(version.url + path, { headers: { authorization: `Bearer ${shown}` } });

/** Samples by the name of their metric, as they are printed. */
async function samples(): Promise<Map<string, string[]>> {
  const lines = (await (await get('/metrics', key)).text()).split('\n').filter((line) => /^[a-zA-Z_]/.test(line));
  return Map.groupBy(lines, (line) => /^[\w:]+/.exec(line)?.[0] ?? '');
}

beforeAll(async () => {
  directory = await temporaryData();
  const environment = { MINDORA_CERTIFICATES: join(directory.path, 'none.pem') };
  version = await whenReady(directory.path, launchVersion(directory.path, { environment }));
  key = readFileSync(join(directory.path, 'future/metrics.key'), 'utf8').trim();
  const api = await createApi(version);
  await api.ask('POST', '/api/v1/ai/conversation', { body: exchange('admin_001', { user_input: 'a lighthouse' }) });
  expect((await mindoraJson(directory.path, ['verify'])).code).toBe(0);
});

afterAll(async () => {
  await version.stop();
  await directory.remove();
});

describe('the key of the monitoring', () => {
  test('is a file for the owner alone, and opens /metrics', async () => {
    expect(statSync(join(directory.path, 'future/metrics.key')).mode & 0o777).toBe(0o600);
    expect((await get('/metrics', key)).status).toBe(200);
  });

  test('opens no route', async () => {
    for (const path of ['/api/v1/ai/history/admin_001', '/api/v1/admin/sync/status', '/api/v1/auth/me']) {
      expect([path, (await get(path, key)).status]).toEqual([path, 401]);
    }
  });
});

describe('/metrics', () => {
  test('has every metric that a dashboard or a rule asks for', async () => {
    const found = await samples();
    const asked = [...readRules().map(({ expr }) => expr), ...readDashboards().flatMap(expressionsOf)];
    const names = new Set(asked.flatMap(metricsOf));
    expect(names.size).toBeGreaterThan(25);
    expect([...names].filter((name) => !found.has(name) && !ownOfPrometheus.has(name))).toEqual([]);
  });

  test('names the version in every sample, and holds no content', async () => {
    const found = await samples();
    // Of Node itself: `version` is its own there, and whoever scrapes a version drops it.
    found.delete('nodejs_version_info');
    const lines = [...found.values()].flat();
    expect(lines.filter((line) => !line.includes('version="future"'))).toEqual([]);
    expect(lines.filter((line) => line.includes('lighthouse') || line.includes(key))).toEqual([]);
  });
});
