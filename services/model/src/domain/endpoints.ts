import type { Row } from '@mindora/contracts';
import { decryptSecret, MindoraError, type Secret } from '@mindora/runtime';
import type { ModelDependencies } from './dependencies.ts';

/** Where to ask, and how. */
export interface Target {
  readonly url: string;
  readonly apiKey: Secret | null;
  readonly model: string;
  readonly maxTokens: number;
  readonly temperature: number;
}

/** What a request may say itself. */
export interface ModelSettings {
  readonly model?: string | undefined;
  readonly max_tokens?: number | undefined;
  readonly temperature?: number | undefined;
}

/** The values of A1.12. */
const standard = { model: 'deepseek-chat', maxTokens: 1000, temperature: 0.7 };
const configsMax = 100;

/** An active configuration with an endpoint goes before the one that the version was started with. */
export async function findTarget(
  { primary, endpoint, masterKey }: ModelDependencies,
  serviceType: 'chat' | 'analysis',
  settings: ModelSettings,
): Promise<Target> {
  const where = { service_type: serviceType, is_active: true };
  const configs = await primary.find({ entity: 'ai_service_config', where, limit: configsMax, secrets: true });
  const config = configs.find(({ api_endpoint }) => typeof api_endpoint === 'string');
  if (config !== undefined) return configured(config, masterKey, settings);
  if (endpoint === null) throw new MindoraError('model_not_configured');
  const { baseUrl, apiKey, model } = endpoint;
  return withSettings({ ...standard, url: completionsUrl(baseUrl), apiKey, model }, settings);
}

function configured(config: Row, masterKey: Buffer, settings: ModelSettings): Target {
  const { model_name, max_tokens, temperature } = config;
  const target = {
    url: completionsUrl(String(config.api_endpoint)),
    apiKey: apiKeyOf(config, masterKey),
    model: typeof model_name === 'string' ? model_name : standard.model,
    maxTokens: typeof max_tokens === 'number' && max_tokens > 0 ? max_tokens : standard.maxTokens,
    temperature: temperature == null ? standard.temperature : Number(temperature),
  };
  return withSettings(target, settings);
}

function withSettings(target: Target, { model, max_tokens, temperature }: ModelSettings): Target {
  return {
    ...target,
    model: model ?? target.model,
    maxTokens: max_tokens ?? target.maxTokens,
    temperature: temperature ?? target.temperature,
  };
}

function apiKeyOf({ id, api_key_encrypted: sealed }: Row, masterKey: Buffer): Secret | null {
  if (typeof sealed !== 'string') return null;
  try {
    return decryptSecret(sealed, masterKey, `ai_service_config/${String(id)}`);
  } catch (cause) {
    throw new MindoraError('model_not_configured', "the endpoint's key can't be decrypted; set it again", { cause });
  }
}

function completionsUrl(base: string): string {
  const url = URL.parse(base);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new MindoraError('model_not_configured', 'the endpoint is no http(s) URL');
  }
  const path = url.pathname.replace(/\/+$/, '');
  url.pathname = path.endsWith('/chat/completions') ? path : `${path}/chat/completions`;
  return url.href;
}
