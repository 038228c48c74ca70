import type { Row, RuntimeConfig } from '@mindora/contracts';
import { MindoraError } from '@mindora/runtime';

type ConfigType = 'string' | 'number' | 'boolean' | 'json';

interface Setting<T> {
  readonly type: ConfigType;
  readonly standard: T;
  /** Null where the text is no such value. */
  readonly parse: (text: string) => T | null;
  readonly must: string;
}

/** The settings that act on requests (A2.13). */
const settings: { readonly [Key in keyof RuntimeConfig]: Setting<RuntimeConfig[Key]> } = {
  system_name: { type: 'string', standard: 'AI System', parse: (text) => text, must: 'be a text' },
  maintenance_mode: { type: 'boolean', standard: false, parse: switchOf, must: 'be true or false' },
  ai_api_enabled: { type: 'boolean', standard: true, parse: switchOf, must: 'be true or false' },
  max_concurrent_users: { type: 'number', standard: 1000, parse: countOf, must: 'be a whole number from 1' },
};

/** A setting's value by its text; the standard where there is none, or one that is no such value. */
export function settingOf<Key extends keyof RuntimeConfig>(key: Key, text: string | null): RuntimeConfig[Key] {
  const { parse, standard } = settings[key];
  return (text === null ? null : parse(text)) ?? standard;
}

/** Holds a configuration to its own type, and a setting that acts to what it can be. @throws `invalid_request` */
export function checkConfig(row: Row): void {
  const { config_key: key, config_value: text, config_type: type } = row;
  if (typeof text === 'string' && !isOfType(text, type as ConfigType)) {
    throw wrong('config_value', `config_value is no ${String(type)}`);
  }
  if (typeof key !== 'string' || !isSetting(key)) return;
  const setting: Setting<unknown> = settings[key];
  if (type !== setting.type) throw wrong('config_type', `${key} is a ${setting.type}`);
  if (typeof text === 'string' && setting.parse(text) === null) {
    throw wrong('config_value', `${key} must ${setting.must}`);
  }
}

function isSetting(key: string): key is keyof RuntimeConfig {
  return Object.hasOwn(settings, key);
}

function isOfType(text: string, type: ConfigType): boolean {
  switch (type) {
    case 'number':
      return numberOf(text) !== null;
    case 'boolean':
      return booleanOf(text) !== null;
    case 'json':
      return isJson(text);
    default:
      return true;
  }
}

function numberOf(text: string): number | null {
  return /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(text) && Number.isFinite(Number(text)) ? Number(text) : null;
}

function countOf(text: string): number | null {
  const count = numberOf(text);
  return count !== null && Number.isSafeInteger(count) && count >= 1 ? count : null;
}

function booleanOf(text: string): boolean | null {
  if (text === 'true') return true;
  return text === 'false' ? false : null;
}

/** As people write it in a database's shell: what this service itself stores is held to {@link booleanOf} before. */
function switchOf(text: string): boolean | null {
  const word = text.trim().toLowerCase();
  if (word === '1' || word === 'on') return true;
  return word === '0' || word === 'off' ? false : booleanOf(word);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    // The answer, not a failure.
    return false;
  }
}

function wrong(field: string, detail: string): MindoraError {
  return new MindoraError('invalid_request', detail, { data: { fields: [field] } });
}
