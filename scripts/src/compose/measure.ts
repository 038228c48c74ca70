/**
 * What monitoring asks of a version beside its sync's own measurements (docs/monitoring.md): whether its engines answer,
 * how full the disk is, and how old its keys and certificates are.
 */
import { X509Certificate } from 'node:crypto';
import { readFile, stat, statfs } from 'node:fs/promises';
import type { MetricFamily, Role } from '@mindora/contracts';
import type { SyncService, SyncStatus } from '@mindora/sync/client';
import type { Manifest } from '../versions/manifest.ts';
import type { VersionFiles } from './files.ts';

/** Families of one subject; what can't be measured now is left out, or told as a value that raises the alarm. */
export type Measure = () => Promise<MetricFamily[]>;

export interface MeasureOptions {
  readonly sync: Pick<SyncService, 'status'>;
  readonly files: Pick<VersionFiles, 'directory' | 'adminKey' | 'metricsKey'>;
  /** How far behind a store may be before somebody has to look (A4). */
  readonly tiers: Manifest['sync'];
  /** PEM files. */
  readonly certificates: readonly string[];
  /** Pause between two scheduled verifications; 0: there are none. */
  readonly verifyEveryMs: number;
}

/** Everything that is measured of a version, by subject. */
export function createMeasures(options: MeasureOptions): Measure[] {
  const { sync, files, tiers, certificates, verifyEveryMs } = options;
  const every = gauge('mindora_verify_schedule_seconds', 'Pause between two scheduled verifications, 0: none');
  return [
    () => measureParts(sync, tiers),
    () => measureDisk(files.directory),
    () => measureKeys({ admin: files.adminKey, metrics: files.metricsKey }),
    () => measureCertificates(certificates),
    async () => [{ ...every, values: [one(verifyEveryMs / 1000)] }],
  ];
}

/** All families; a subject that can't be measured takes none of the others with it. */
export async function measureAll(measures: readonly Measure[]): Promise<MetricFamily[]> {
  const families = await Promise.all(measures.map((measure) => measure().catch(() => [])));
  return families.flat();
}

type Value = MetricFamily['values'][number];

function gauge(name: string, help: string): Omit<MetricFamily, 'values'> {
  return { name, help, type: 'gauge' };
}

function one(value: number, labels: Readonly<Record<string, string>> = {}): Value {
  return { labels, value };
}

async function measureParts(sync: MeasureOptions['sync'], tiers: Manifest['sync']): Promise<MetricFamily[]> {
  const capture = gauge(
    'mindora_capture_healthy',
    '1 where changes are carried to the bus, or another process does it',
  );
  const status = await sync.status().catch(() => null);
  // A sync that doesn't answer captures nothing; of primary and bus nothing is known then.
  if (status === null) return [{ ...capture, values: [one(0)] }];
  return [{ ...capture, values: [one(Number(isCapturing(status)))] }, ...measureEngines(status, tiers)];
}

function isCapturing({ capture }: SyncStatus): boolean {
  return capture.state === 'active' || capture.state === 'standby';
}

function measureEngines({ primary, bus, stores }: SyncStatus, tiers: Manifest['sync']): MetricFamily[] {
  const answers = (lastError: string | null): Value[] => [one(Number(lastError === null))];
  const bounds = stores.map(({ store, everyMs }) => one(boundMs(store, everyMs, tiers) / 1000, { store }));
  return [
    { ...gauge('mindora_primary_healthy', '1 where the primary answers'), values: answers(primary.lastError) },
    { ...gauge('mindora_bus_healthy', '1 where the bus answers'), values: answers(bus.lastError) },
    { ...gauge('mindora_store_fresh_within_seconds', 'How far behind a store may be, by its tier'), values: bounds },
  ];
}

/** What waits for a schedule may be a whole period old when it opens, and takes its time then. */
function boundMs(store: Role, everyMs: number | null, tiers: Manifest['sync']): number {
  if (everyMs !== null) return 2 * everyMs;
  const tier = [tiers.real_time, tiers.asynchronous].find(({ stores }) => stores.includes(store));
  // A special database that is filled at once has no bound of its own.
  return (tier ?? tiers.batch).fresh_within_ms;
}

async function measureDisk(directory: string): Promise<MetricFamily[]> {
  const { bsize, bavail, blocks } = await statfs(directory);
  return [
    { ...gauge('mindora_data_free_bytes', 'Free where the version keeps its files'), values: [one(bsize * bavail)] },
    { ...gauge('mindora_data_size_bytes', 'Size of the file system there'), values: [one(bsize * blocks)] },
  ];
}

async function measureKeys(keys: Readonly<Record<string, string>>): Promise<MetricFamily[]> {
  const made = await Promise.all(Object.entries(keys).map(([key, file]) => madeAt(file, key)));
  const family = gauge('mindora_key_made_timestamp_seconds', 'When a key of the version was made');
  return [{ ...family, values: made.filter((value) => value !== null) }];
}

async function madeAt(file: string, key: string): Promise<Value | null> {
  const found = await stat(file).catch(() => null);
  return found === null ? null : one(Math.round(found.mtimeMs / 1000), { key });
}

async function measureCertificates(files: readonly string[]): Promise<MetricFamily[]> {
  const values = await Promise.all(files.map(async (file) => one(await expiryOf(file), { file })));
  const help = 'When the first certificate of a file expires; 0 where the file cannot be read';
  return [{ ...gauge('mindora_certificate_expiry_timestamp_seconds', help), values }];
}

const pemCertificate = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** Seconds since 1970. A file that is gone or broken counts as expired: whoever serves it is about to fail. */
async function expiryOf(file: string): Promise<number> {
  try {
    const certificates = (await readFile(file, 'utf8')).match(pemCertificate) ?? [];
    const expiries = certificates.map((pem) => Date.parse(new X509Certificate(pem).validTo) / 1000);
    return expiries.length === 0 ? 0 : Math.min(...expiries);
  } catch {
    return 0;
  }
}
