/** What `doctor` asks of real engines: whether they answer, as what, and whether their settings are durable. */
import { openBus } from '@mindora/bus';
import { type Role, roles } from '@mindora/contracts';
import { MindoraError, systemClock, systemRandom, toMindoraError } from '@mindora/runtime';
import { openPrimary, openStore } from '@mindora/stores';
import type { Config } from '../config.ts';
import { assertAddresses, busSettingsOf, connectionOf, primaryLocationOf } from '../engines.ts';

export interface EngineFinding {
  readonly check: string;
  readonly ok: boolean;
  readonly detail: string;
}

interface Opened {
  readonly engine: string;
  /** Throws or says not ok where the engine is away. */
  health(): Promise<{ readonly ok: boolean; readonly detail: string }>;
  weakSettings(): Promise<string[]>;
  close(): Promise<void>;
}

const patienceMs = 15_000;
const ports = { clock: systemClock(), random: systemRandom() };

/** One finding for each engine, and one for each setting that is not as it should be. Empty for embedded engines. */
export async function engineFindings(config: Config): Promise<EngineFinding[]> {
  if (config.engines.kind === 'embedded') return [];
  assertAddresses(config.engines);
  const parts: [string, () => Promise<Opened>][] = [
    ['primary', () => openedPrimary(config)],
    ['bus', () => openedBus(config)],
    ...roles
      .filter((role) => role !== 'personal')
      .map((role): [string, () => Promise<Opened>] => [role, () => openedStore(config, role)]),
  ];
  if (config.engines.addresses.objects !== undefined) parts.push(['objects', () => openedObjects(config)]);
  const findings = await Promise.all(parts.map(([part, open]) => examined(part, open)));
  return findings.flat();
}

async function examined(part: string, open: () => Promise<Opened>): Promise<EngineFinding[]> {
  const check = `engine of ${part}`;
  let opened: Opened | null = null;
  try {
    opened = await inTime(open());
    const { ok, detail } = await inTime(opened.health());
    if (!ok) return [{ check, ok, detail }];
    const weak = await inTime(opened.weakSettings());
    const settings = weak.map((setting) => ({ check: `settings of ${part}`, ok: false, detail: setting }));
    const healthy = { check, ok: true, detail: detail === 'ok' ? opened.engine : `${opened.engine}; ${detail}` };
    return [healthy, ...settings];
  } catch (thrown) {
    return [{ check, ok: false, detail: toMindoraError(thrown).message }];
  } finally {
    await opened?.close();
  }
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  const patience = new AbortController();
  const late = ports.clock.sleep(patienceMs, patience.signal).then(() => {
    throw new MindoraError('store_unavailable', `no answer within ${patienceMs / 1000} s`);
  });
  // Once there is an answer nobody waits for the other any more.
  late.catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    patience.abort();
  }
}

async function openedPrimary({ engines }: Config): Promise<Opened> {
  const primary = await openPrimary({ ...primaryLocationOf(engines, ''), ...ports });
  return {
    // Known once the server has answered.
    get engine() {
      return primary.engine;
    },
    // Its own word on its health needs tables, which it may not have been given yet.
    health: async () => {
      await primary.weakSettings();
      return { ok: true, detail: 'ok' };
    },
    weakSettings: () => primary.weakSettings(),
    close: () => primary.close(),
  };
}

async function openedBus({ engines }: Config): Promise<Opened> {
  const bus = await openBus(busSettingsOf(engines, ''), { consumers: [], ...ports });
  return {
    engine: bus.engine,
    health: async () => ({ ok: true, detail: `incarnation ${await bus.incarnation()}` }),
    weakSettings: async () => (await bus.weakSettings?.()) ?? [],
    close: () => bus.close(),
  };
}

async function openedStore({ engines, embedder }: Config, role: Role): Promise<Opened> {
  const options = { directory: '', dimensions: embedder.dimensions, ...connectionOf(engines, role) };
  const store = await openStore(role, options, ports);
  return {
    engine: store.engine,
    health: () => store.health(),
    weakSettings: async () => (await store.weakSettings?.()) ?? [],
    close: () => store.close(),
  };
}

async function openedObjects({ engines }: Config): Promise<Opened> {
  const { openMinioObjects } = await import('@mindora/stores/objects/minio');
  const connection = { url: engines.addresses.objects?.reveal() ?? '', namespace: engines.namespace };
  const objects = openMinioObjects(connection, ports);
  return {
    engine: objects.engine,
    health: () => objects.health(),
    // The server keeps what it has acknowledged, whatever its settings.
    weakSettings: async () => [],
    close: () => objects.close(),
  };
}
