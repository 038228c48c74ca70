import type { Row, RuntimeConfig } from '@mindora/contracts';
import type { Clock } from '@mindora/runtime';
import type { PrimaryRecords } from '@mindora/stores';
import { settingOf } from './values.ts';

/** How long a setting that somebody changed behind this service's back may go unseen. */
const cachedMs = 1000;

export interface SettingDependencies {
  readonly primary: Pick<PrimaryRecords, 'get'>;
  readonly clock: Pick<Clock, 'now'>;
}

interface Cached {
  readonly config: Promise<RuntimeConfig>;
  readonly until: number;
}

/** Values of the system configuration (A1.11, A2.13). */
export function settingUseCases({ primary, clock }: SettingDependencies) {
  let cached: Cached | null = null;
  const forget = (): void => {
    cached = null;
  };
  return {
    /** Null where there is no active value. */
    async value(key: string) {
      return { config_key: key, config_value: await activeValue(primary, key) };
    },
    /** What acts on requests; read anew after a second, or when this service changed something. */
    runtime(): Promise<RuntimeConfig> {
      const now = clock.now();
      if (cached !== null && now < cached.until) return cached.config;
      const config = readRuntime(primary);
      cached = { config, until: now + cachedMs };
      // A failure is told, not kept.
      config.catch(forget);
      return config;
    },
    forget,
  };
}

async function activeValue(primary: Pick<PrimaryRecords, 'get'>, key: string): Promise<string | null> {
  const row: Row | null = await primary.get({ entity: 'system_config', id: key });
  const value = row?.is_active === true ? row.config_value : null;
  return typeof value === 'string' ? value : null;
}

async function readRuntime(primary: Pick<PrimaryRecords, 'get'>): Promise<RuntimeConfig> {
  const [systemName, maintenance, enabled, users] = await Promise.all([
    activeValue(primary, 'system_name'),
    activeValue(primary, 'maintenance_mode'),
    activeValue(primary, 'ai_api_enabled'),
    activeValue(primary, 'max_concurrent_users'),
  ]);
  return {
    system_name: settingOf('system_name', systemName),
    maintenance_mode: settingOf('maintenance_mode', maintenance),
    ai_api_enabled: settingOf('ai_api_enabled', enabled),
    max_concurrent_users: settingOf('max_concurrent_users', users),
  };
}
