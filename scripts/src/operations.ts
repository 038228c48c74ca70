/**
 * How a command reaches a version: over its gateway while it runs, else by opening its files. Both answer the same
 * actions of the contracts, so a command is written once.
 */

import { existsSync } from 'node:fs';
import type { CallMeta, RouteDefinition } from '@mindora/contracts';
import { routes } from '@mindora/contracts/routes';
import { MindoraError } from '@mindora/runtime';
import { MindoraClient } from '@mindora/sdk';
import { placeOf, settleIfFree } from './backup/settle.ts';
import { filesOf, readAdminKey, readRunning, withKeptSettings } from './compose/files.ts';
import { tryLock } from './compose/lock.ts';
import { openVersion } from './compose/version.ts';
import type { Config } from './config.ts';

export interface ActionInput {
  readonly params?: object;
  readonly query?: object;
  readonly body?: unknown;
}

export interface Operations {
  /** Where the answers come from, for people. */
  readonly source: string;
  /** False where the version was opened for this command alone. */
  readonly running: boolean;
  /** `repeatable`: the same call again changes nothing, so it may be tried again when an answer is lost. */
  call(action: string, input?: ActionInput, options?: { repeatable?: boolean }): Promise<Record<string, unknown>>;
  close(): Promise<void>;
}

/** @throws MindoraError `store_unavailable` where the version runs but its gateway can't be found */
export async function connect(config: Config): Promise<Operations> {
  if (config.remote.url !== null) {
    const key = config.remote.apiKey ?? readAdminKey(filesOf(config.directory));
    return remoteOperations(config.remote.url, key?.reveal() ?? null);
  }
  const files = filesOf(config.directory);
  await settleIfFree(placeOf(withKeptSettings(files, config)));
  if (!existsSync(files.settings)) {
    throw new MindoraError('not_found', `there is no data of version ${config.manifest.name} in ${config.directory}`);
  }
  const unlock = tryLock(files.lock);
  if (unlock === null) return runningOperations(config);
  unlock();
  return localOperations(config);
}

function runningOperations(config: Config): Operations {
  const files = filesOf(config.directory);
  const running = readRunning(files);
  if (running === null) {
    throw new MindoraError('store_unavailable', `version ${config.manifest.name} is starting or in use; try again`);
  }
  const key = config.remote.apiKey ?? readAdminKey(files);
  return remoteOperations(running.url, key?.reveal() ?? null);
}

function remoteOperations(url: string, apiKey: string | null): Operations {
  const client = new MindoraClient({ url, ...(apiKey === null ? {} : { apiKey }) });
  return {
    source: url,
    running: true,
    call: (action, input = {}, options = {}) => client.call(action, input, options) as Promise<Record<string, unknown>>,
    close: () => Promise.resolve(),
  };
}

async function localOperations(given: Config): Promise<Operations> {
  const config = withKeptSettings(filesOf(given.directory), given);
  // The person at the terminal asked for an answer; how the version gets there is no news.
  const version = await openVersion(config.logLevel === 'info' ? { ...config, logLevel: 'warn' } : config);
  const meta: CallMeta = {
    principal: { userId: 'admin_001', role: 'admin', permissions: ['system_config', 'user_manage'] },
    requestId: 'cli',
    scope: null,
  };
  return {
    source: config.directory,
    running: false,
    async call(action, input = {}) {
      const answer = await version.broker.call(action, parseInput(routeOf(action), input), { meta });
      return answer as Record<string, unknown>;
    },
    close: () => version.close(),
  };
}

function routeOf(action: string): RouteDefinition {
  const route = routes.find((candidate) => candidate.action === action);
  if (route === undefined) throw new MindoraError('internal', `no action ${action}`);
  return route;
}

/** Fills in the defaults of the contract, as the gateway does. */
function parseInput(route: RouteDefinition, input: ActionInput): object {
  return {
    params: parsed(route.params, input.params),
    query: parsed(route.query, input.query),
    body: parsed(route.body, input.body),
  };
}

function parsed(schema: RouteDefinition['params' | 'query' | 'body'], given: unknown): unknown {
  const result = schema?.safeParse(given ?? {});
  if (result === undefined) return {};
  if (result.success) return result.data;
  const mistakes = result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new MindoraError('invalid_request', mistakes.join('; '));
}
