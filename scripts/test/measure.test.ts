/** What monitoring measures of a version beside its sync. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import type { MetricFamily } from '@mindora/contracts';
import { MindoraError } from '@mindora/runtime';
import type { SyncStatus } from '@mindora/sync/client';
import { createMeasures, measureAll } from '../src/compose/measure.ts';
import { loadManifest, manifestsDirectory } from '../src/versions/manifest.ts';

/** Of nobody, until 2036-11-19T12:55:48Z; its key was never kept. */
const certificate = `-----BEGIN CERTIFICATE-----
MIIBcjCCARmgAwIBAgIUR9xjJS6cu1h7pOw1Wn2crDiueDQwCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAeFw0yNjExMjIxMjU1NDhaFw0zNjExMTkxMjU1NDha
MA8xDTALBgNVBAMMBHRlc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARHCwvf
6hYknXRlLSOlUP85VyGRgcWwhcu3ZFfU2S0uA3DnUOXtxLY8cwpwyZCxs/mo/hYp
ZJln3CBX/u/jO+xIo1MwUTAdBgNVHQ4EFgQURUEuAwi0VgD/agWUp6w2IzQwZRMw
HwYDVR0jBBgwFoAURUEuAwi0VgD/agWUp6w2IzQwZRMwDwYDVR0TAQH/BAUwAwEB
/zAKBggqhkjOPQQDAgNHADBEAiBgAPG777qUXpGf61ArkgvTtJAA87XPkqRH2OMW
u2IkoAIgE+WVWZpUulLYxP5i03Ofh/ZWVzuUBxy9HY0x6tbTwC8=
-----END CERTIFICATE-----
`;

const directory = mkdtempSync(join(tmpdir(), 'mindora-measure-'));
const file = (name: string): string => join(directory, name);
const files = { directory, adminKey: file('admin.key'), metricsKey: file('metrics.key') };

afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** As far as it is measured. */
function statusWith(capture: string, primaryError: string | null, busError: string | null): SyncStatus {
  const stores = [
    { store: 'cache', everyMs: null },
    { store: 'fulltext', everyMs: null },
    { store: 'graph', everyMs: null },
    { store: 'credit', everyMs: 3_600_000 },
    { store: 'identity', everyMs: null },
  ];
  const parts = { capture: { state: capture }, primary: { lastError: primaryError }, bus: { lastError: busError } };
  return { ...parts, stores } as unknown as SyncStatus;
}

async function measured(status: () => Promise<SyncStatus>, certificates: readonly string[] = []) {
  const tiers = loadManifest(manifestsDirectory, 'future').sync;
  const sync = { status };
  const families = await measureAll(createMeasures({ sync, files, tiers, certificates, verifyEveryMs: 60_000 }));
  return (name: string) => families.find((family) => family.name === name)?.values;
}

describe('measures', () => {
  it('tell which engines answer, and whether changes are carried', async () => {
    const well = await measured(async () => statusWith('active', null, null));
    const ill = await measured(async () => statusWith('failing', 'store_unavailable', 'store_unavailable'));
    for (const name of ['mindora_capture_healthy', 'mindora_primary_healthy', 'mindora_bus_healthy']) {
      expect([name, well(name), ill(name)]).toEqual([name, [{ labels: {}, value: 1 }], [{ labels: {}, value: 0 }]]);
    }
    expect(well('mindora_verify_schedule_seconds')).toEqual([{ labels: {}, value: 60 }]);
  });

  it('tell how far behind a store may be: by its tier, or by its schedule', async () => {
    const values = await measured(async () => statusWith('active', null, null));
    expect(values('mindora_store_fresh_within_seconds')).toEqual([
      { labels: { store: 'cache' }, value: 1 },
      { labels: { store: 'fulltext' }, value: 10 },
      { labels: { store: 'graph' }, value: 300 },
      { labels: { store: 'credit' }, value: 7200 },
      { labels: { store: 'identity' }, value: 10 },
    ]);
  });

  it('count a capture of another process as one, and none where the sync does not answer', async () => {
    const standby = await measured(async () => statusWith('standby', null, null));
    const gone = await measured(() => Promise.reject(new MindoraError('store_unavailable')));
    expect(standby('mindora_capture_healthy')).toEqual([{ labels: {}, value: 1 }]);
    expect(gone('mindora_capture_healthy')).toEqual([{ labels: {}, value: 0 }]);
    expect(gone('mindora_bus_healthy')).toBeUndefined();
  });

  it('tell how full the disk is', async () => {
    const values = await measured(async () => statusWith('active', null, null));
    const [free, size] = ['mindora_data_free_bytes', 'mindora_data_size_bytes'].map((name) => values(name)?.[0]?.value);
    expect(free).toBeGreaterThan(0);
    expect(size).toBeGreaterThan(free ?? Number.NaN);
  });

  it('tell when keys were made, of those that are there', async () => {
    writeFileSync(files.metricsKey, 'k');
    const values = await measured(async () => statusWith('active', null, null));
    const made = values('mindora_key_made_timestamp_seconds');
    expect(made).toEqual([{ labels: { key: 'metrics' }, value: expect.any(Number) }]);
    expect(Math.abs((made?.[0]?.value ?? 0) - Date.now() / 1000)).toBeLessThan(60);
  });

  it('tell when the first certificate of a file expires, and of one that cannot be read that it did', async () => {
    writeFileSync(file('a.pem'), `${certificate}${certificate}`);
    writeFileSync(file('broken.pem'), certificate.replace('MIIB', 'AAAA'));
    writeFileSync(file('empty.pem'), '');
    const names = ['a.pem', 'broken.pem', 'empty.pem', 'none.pem'].map(file);
    const values = await measured(async () => statusWith('active', null, null), names);
    const expected = [Date.UTC(2036, 10, 19, 12, 55, 48) / 1000, 0, 0, 0];
    expect(values('mindora_certificate_expiry_timestamp_seconds')).toEqual(
      names.map((name, index) => ({ labels: { file: name }, value: expected[index] })),
    );
  });

  it('go on where one of them fails', async () => {
    const family: MetricFamily = { name: 'a', help: 'A', type: 'gauge', values: [] };
    const failing = (): Promise<MetricFamily[]> => Promise.reject(new Error('no disk'));
    expect(await measureAll([failing, async () => [family]])).toEqual([family]);
  });
});
