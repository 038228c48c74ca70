import { createGateway } from '@mindora/gateway-service';
import { hashApiKey, MindoraError, newApiKey, systemClock, systemRandom, toMindoraError } from '@mindora/runtime';
import { backupSourceOf } from '../backup/create.ts';
import { scheduleBackups } from '../backup/schedule.ts';
import { placeOf, settleIfFree } from '../backup/settle.ts';
import type { Config } from '../config.ts';
import { assertDurable } from './durability.ts';
import {
  assertSameEngines,
  filesOf,
  keepSettings,
  provideMetricsKey,
  readAdminKey,
  removeRunning,
  writePrivately,
} from './files.ts';
import { openVersion, type Version } from './version.ts';

const clock = systemClock();
const random = systemRandom();

/**
 * Runs a version until `stop` aborts: opens it, listens, and at the end drains it.
 *
 * @param tell gets lines for the person at the terminal
 */
export async function startVersion(config: Config, stop: AbortSignal, tell: (line: string) => void): Promise<void> {
  const began = performance.now();
  await settleIfFree(placeOf(config));
  assertSameEngines(filesOf(config.directory), config);
  const version = await openVersion(config);
  keepSettings(version.files, config);
  const backups = scheduleBackups(backupSourceOf(config), config.backup, { clock, log: version.log });
  try {
    await assertDurable(version, config.engines.allowUnsafe, tell);
    const key = await provideAdminKeySoon(version, stop, tell);
    await serve(version, config, stop, (url) => {
      const seconds = ((performance.now() - began) / 1000).toFixed(1);
      tell(`Mindora ${config.manifest.name} is ready at ${url} after ${seconds} s; API at ${url}/docs`);
    });
    await key.waiting;
  } finally {
    await backups.stop();
    await version.close();
  }
}

const keyRetryMs = 1000;

/**
 * With a primary on a server that is away the key waits until the server answers, and the gateway doesn't wait for it:
 * the other stores may be read meanwhile. Resolves to what goes on waiting.
 */
async function provideAdminKeySoon(version: Version, stop: AbortSignal, tell: (line: string) => void) {
  const attempt = async (): Promise<boolean> => {
    try {
      await provideAdminKey(version, tell);
      return true;
    } catch (thrown) {
      if (toMindoraError(thrown).code !== 'store_unavailable') throw thrown;
      return false;
    }
  };
  const goOn = async (): Promise<void> => {
    while (!stop.aborted && !(await attempt())) await clock.sleep(keyRetryMs, stop);
  };
  if (await attempt()) return { waiting: Promise.resolve() };
  tell('The primary is away; the version takes writes as soon as it answers.');
  const log = (error: unknown): void => version.log.error({ error: toMindoraError(error).message }, 'no admin key');
  return { waiting: goOn().catch(log) };
}

async function serve(
  version: Version,
  config: Config,
  stop: AbortSignal,
  onReady: (url: string) => void,
): Promise<void> {
  const gateway = await createGateway({
    broker: version.broker,
    version: config.manifest.name,
    log: version.log,
    clock,
    random,
    tokens: version.tokens,
    metricsKeyHash: hashApiKey(provideMetricsKey(version.files, random).reveal()),
    metricsAccess: config.metricsPublic ? 'open' : 'key',
  });
  try {
    const url = await gateway.listen(config.port, config.host).catch((cause: unknown) => {
      throw unlessPortTaken(cause, config);
    });
    writePrivately(version.files.running, `${JSON.stringify({ url, pid: process.pid })}\n`);
    onReady(url);
    await aborted(stop);
  } finally {
    removeRunning(version.files);
    await gateway.close();
  }
}

function unlessPortTaken(cause: unknown, config: Config): unknown {
  if ((cause as { code?: string }).code !== 'EADDRINUSE') return cause;
  return new MindoraError('conflict', `port ${config.port} of ${config.host} is taken; choose another with --port`);
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

const adminUser = 'admin_001';

/** The first start makes the administrator's key and shows it once. A key whose file is gone is replaced. */
async function provideAdminKey({ files, primary }: Version, tell: (line: string) => void): Promise<void> {
  const known = readAdminKey(files);
  if (known !== null && (await primary.apiKey(hashApiKey(known.reveal()))) !== null) return;
  for (const old of await primary.apiKeys(adminUser)) {
    if (old.name === adminKeyName && old.revoked_at === null) await primary.revokeApiKey(old.id);
  }
  const { key, hash } = newApiKey(random);
  // The file first: a crash in between leaves a key that opens nothing, and the next start makes another.
  writePrivately(files.adminKey, `${key}\n`);
  const created_at = clock.timestamp();
  await primary.addApiKey({
    id: random.id(),
    hash,
    user_id: adminUser,
    name: adminKeyName,
    created_at,
    revoked_at: null,
  });
  tell(`The administrator's key, shown once (kept in ${files.adminKey}):`);
  tell(`  ${key}`);
}

const adminKeyName = 'first start';
