/**
 * Configuration of a version: its manifest in versions/, then the environment, then the command line. Parsed once;
 * unknown names are refused and all mistakes are told at once.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { defaultRetention, type RetentionPolicy } from '@mindora/contracts';
import { MindoraError, Secret } from '@mindora/runtime';
import { z } from 'zod';
import { type BackupSettings, backupSchemas, backupSettingsOf } from './backup/settings.ts';
import { addressesOf, addressSchemas, type EnginesConfig, type EnginesKind } from './engines.ts';
import { loadManifest, type Manifest, manifestsDirectory, versionNamesIn } from './versions/manifest.ts';

const secret = z
  .string()
  .min(1)
  .transform((value) => new Secret(value));

const environmentSchema = z.strictObject({
  MINDORA_URL: z.url().optional(),
  MINDORA_API_KEY: secret.optional(),
  MINDORA_HOST: z.string().default('127.0.0.1'),
  MINDORA_PORT: z.coerce.number().int().min(0).max(65_535).optional(),
  MINDORA_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  MINDORA_EMBEDDINGS_URL: z.url().optional(),
  MINDORA_EMBEDDINGS_MODEL: z.string().default('text-embedding-ada-002'),
  MINDORA_EMBEDDINGS_API_KEY: secret.optional(),
  MINDORA_EMBEDDINGS_DIMENSIONS: z.coerce.number().int().min(16).max(4096).optional(),
  MINDORA_RELATED_SCORE_MIN: z.coerce.number().min(-1).max(1).optional(),
  MINDORA_MODEL_URL: z.url().optional(),
  MINDORA_MODEL_NAME: z.string().default('deepseek-chat'),
  MINDORA_MODEL_API_KEY: secret.optional(),
  MINDORA_DOCUMENT_RETENTION_DAYS: z.coerce.number().min(0).max(36_500).optional(),
  MINDORA_VERIFY_EVERY_HOURS: z.coerce.number().min(0).max(500).default(24),
  MINDORA_SPECIAL_EVERY_MINUTES: z.coerce.number().min(0).max(10_080).optional(),
  MINDORA_METRICS_PUBLIC: z.stringbool().default(false),
  MINDORA_CERTIFICATES: z
    .string()
    .transform((value) => value.split(',').map((file) => file.trim()))
    .optional(),
  MINDORA_MIGRATE_URL: z
    .string()
    .refine((text) => URL.parse(text)?.protocol === 'mysql:', 'must be an address that begins with mysql://')
    .transform((text) => new Secret(text))
    .optional(),
  MINDORA_ENGINES: z.enum(['embedded', 'real']).default('embedded'),
  MINDORA_ENGINES_FILE: z.string().min(1).optional(),
  MINDORA_ALLOW_UNSAFE: z.stringbool().default(false),
  MINDORA_BUS_MONITORING_URL: z
    .url()
    .transform((value) => new Secret(value))
    .optional(),
  ...backupSchemas,
  ...addressSchemas,
});

type Environment = z.infer<typeof environmentSchema>;

/** Names of all variables that the environment may set. */
export const configurationNames: readonly string[] = Object.keys(environmentSchema.shape);

/** The values of variables that are not set, of those that have one. */
export function configurationDefaults(): Readonly<Record<string, unknown>> {
  return JSON.parse(JSON.stringify(parseEnvironment({}))) as Record<string, unknown>;
}

export interface EmbedderConfig {
  /** Null: the built-in lexical embedder. */
  readonly endpoint: { readonly url: string; readonly model: string; readonly apiKey: Secret | null } | null;
  readonly dimensions: number;
  /** Least similarity of related conversations; null: what suits the embedder. */
  readonly relatedScoreMin: number | null;
}

export interface Config {
  readonly manifest: Manifest;
  /** Everything of the version lies here. */
  readonly directory: string;
  readonly host: string;
  readonly port: number;
  readonly logLevel: string;
  readonly embedder: EmbedderConfig;
  readonly model: { readonly baseUrl: string; readonly model: string; readonly apiKey: Secret | null } | null;
  readonly retention: RetentionPolicy;
  readonly verifyEveryMs: number;
  /** How often the special databases are filled; 0: at once (A4.4). */
  readonly specialEveryMs: number;
  readonly backup: BackupSettings;
  readonly engines: EnginesConfig;
  readonly metricsPublic: boolean;
  /** PEM files whose expiry is watched. */
  readonly certificates: readonly string[];
  /** Where an earlier system's database is, to be taken over. */
  readonly migrateFrom: Secret | null;
  /** A gateway elsewhere, for commands that talk to a running version. */
  readonly remote: { readonly url: string | null; readonly apiKey: Secret | null };
}

export interface CommonOptions {
  readonly version: string;
  readonly data: string;
  readonly port?: number;
  readonly host?: string;
  readonly engines?: EnginesKind;
  readonly allowUnsafe?: boolean;
}

/** Names of the versions that have a manifest. */
export function versionNames(): string[] {
  return versionNamesIn(manifestsDirectory);
}

/** @throws MindoraError `invalid_request`, naming every mistake */
export function loadConfig(options: CommonOptions): Config {
  const manifest = loadManifest(manifestsDirectory, options.version);
  const directory = resolve(options.data, manifest.name);
  const env = parseEnvironment({ ...readEngines(process.env.MINDORA_ENGINES_FILE, directory), ...process.env });
  return {
    manifest,
    directory,
    host: options.host ?? env.MINDORA_HOST,
    port: options.port ?? env.MINDORA_PORT ?? manifest.gateway.port,
    logLevel: env.MINDORA_LOG_LEVEL,
    embedder: {
      endpoint:
        env.MINDORA_EMBEDDINGS_URL === undefined
          ? null
          : {
              url: env.MINDORA_EMBEDDINGS_URL,
              model: env.MINDORA_EMBEDDINGS_MODEL,
              apiKey: env.MINDORA_EMBEDDINGS_API_KEY ?? null,
            },
      dimensions: env.MINDORA_EMBEDDINGS_DIMENSIONS ?? (env.MINDORA_EMBEDDINGS_URL === undefined ? 384 : 1536),
      relatedScoreMin: env.MINDORA_RELATED_SCORE_MIN ?? null,
    },
    model:
      env.MINDORA_MODEL_URL === undefined
        ? null
        : { baseUrl: env.MINDORA_MODEL_URL, model: env.MINDORA_MODEL_NAME, apiKey: env.MINDORA_MODEL_API_KEY ?? null },
    retention: retentionOf(env, manifest),
    verifyEveryMs: env.MINDORA_VERIFY_EVERY_HOURS * 3_600_000,
    specialEveryMs: (env.MINDORA_SPECIAL_EVERY_MINUTES ?? manifest.sync.special.every_minutes) * 60_000,
    backup: backupSettingsOf(env, manifest.backup),
    engines: enginesOf(options, env, manifest),
    metricsPublic: env.MINDORA_METRICS_PUBLIC,
    certificates: env.MINDORA_CERTIFICATES ?? [],
    migrateFrom: env.MINDORA_MIGRATE_URL ?? null,
    remote: { url: env.MINDORA_URL ?? null, apiKey: env.MINDORA_API_KEY ?? null },
  };
}

/** The environment goes before the manifest. */
function retentionOf(env: Environment, { retention }: Manifest): RetentionPolicy {
  const days = env.MINDORA_DOCUMENT_RETENTION_DAYS ?? retention.documents_days;
  return { ...defaultRetention, documentsMs: days * 86_400_000 };
}

/**
 * Addresses in a file that the environment names (a container's secret), or that "npm run engines -- up" noted for the
 * version; the environment goes before them.
 */
function readEngines(named: string | undefined, directory: string): NodeJS.Dict<string> {
  if (named !== undefined && !existsSync(named)) {
    throw new MindoraError('invalid_request', 'MINDORA_ENGINES_FILE: there is no such file');
  }
  const file = named ?? join(directory, 'engines.env');
  return existsSync(file) ? parseEnv(readFileSync(file, 'utf8')) : {};
}

function enginesOf(options: CommonOptions, env: Environment, manifest: Manifest): EnginesConfig {
  const kind = options.engines ?? env.MINDORA_ENGINES;
  return {
    kind,
    addresses: addressesOf(env),
    busMonitoring: env.MINDORA_BUS_MONITORING_URL ?? null,
    namespace: manifest.namespace,
    allowUnsafe: options.allowUnsafe === true || env.MINDORA_ALLOW_UNSAFE,
  };
}

/** @throws MindoraError `invalid_request`, naming every mistake, never a value */
export function parseEnvironment(env: NodeJS.ProcessEnv): Environment {
  const ours = Object.fromEntries(Object.entries(env).filter(([name]) => name.startsWith('MINDORA_')));
  const parsed = environmentSchema.safeParse(ours);
  if (parsed.success) return parsed.data;
  const mistakes = parsed.error.issues.map((issue) =>
    issue.code === 'unrecognized_keys'
      ? `unknown: ${issue.keys.join(', ')}`
      : `${issue.path.join('.')}: ${issue.message}`,
  );
  throw new MindoraError('invalid_request', `the environment is not right: ${mistakes.join('; ')}`);
}
