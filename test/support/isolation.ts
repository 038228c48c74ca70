/** Several embedded versions that run side by side, and attacks on the borders between them. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { filesOf, withKeptSettings, writePrivately } from '@mindora/cli/compose/files';
import { loadConfig } from '@mindora/cli/config';
import { type Party, type PartyPlaces, partyOf } from '@mindora/cli/isolation/party';
import type { Probe } from '@mindora/cli/isolation/probe';
import { probes } from '@mindora/cli/isolation/probes/index';
import { attackAll, type Finding } from '@mindora/cli/isolation/run';
import { systemClock, systemRandom } from '@mindora/runtime';
import { until } from '@mindora/testing/plain';
import { environmentWith } from './config.ts';

const main = join(import.meta.dirname, '../../scripts/src/main.ts');
const startDeadlineMs = 240_000;
const clock = systemClock();
const random = systemRandom();

export interface RunningEmbedded {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<unknown>;
}

/** Starts a version on a free port; special databases are filled at once, so that a marker comes into them too. */
export async function startEmbedded(data: string, name: string): Promise<RunningEmbedded> {
  const child = spawn(process.execPath, [main, 'up', '--version', name, '--port', '0', '--data', data], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: environmentWith({ MINDORA_SPECIAL_EVERY_MINUTES: '0' }),
  });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log = (log + text).slice(-20_000);
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  const running = join(data, name, 'running.json');
  const url = await until(
    async () => {
      if (child.exitCode !== null) throw new Error(`version ${name} ended: ${log}`);
      if (!existsSync(running)) return null;
      const { url: found } = JSON.parse(readFileSync(running, 'utf8')) as { url: string };
      return (await fetch(`${found}/ready`).catch(() => null))?.ok === true ? found : null;
    },
    startDeadlineMs,
    () => `version ${name}: ${log}`,
  );
  const stop = (): Promise<unknown> => {
    child.kill('SIGTERM');
    return ended;
  };
  return { url, pid: child.pid ?? 0, stop };
}

/** Secrets of a version before its first start: those of another one where the same are given twice. */
export function writeSecrets(data: string, name: string, secrets: object): void {
  mkdirSync(join(data, name), { recursive: true, mode: 0o700 });
  writePrivately(filesOf(join(data, name)).secrets, JSON.stringify(secrets));
}

/** Versions as the command finds them. */
export function partiesIn(data: string, names: readonly string[], places: Partial<PartyPlaces> = {}): Party[] {
  return names.map((version) => {
    const config = loadConfig({ version, data });
    return partyOf(withKeptSettings(filesOf(config.directory), config), { secrets: null, logs: null, ...places });
  });
}

/**
 * Attacks with all probes, with those that are named, or with a test's own among them.
 *
 * @throws Error where records that were written for it stay, unless the test expects that
 */
export function attack(
  parties: readonly Party[],
  chosen?: readonly (string | Probe)[],
  onLeft: (urls: readonly string[]) => void = failOnLeft,
): Promise<Finding[]> {
  const used = (chosen ?? probes).map((one) => (typeof one === 'string' ? probeOf(one) : one));
  return attackAll(parties, { probes: used, writes: true, clock, random, onLeft });
}

function failOnLeft(urls: readonly string[]): never {
  throw new Error(`not deleted: ${urls.join(', ')}`);
}

/** The same without anything being written. */
export function look(parties: readonly Party[], names: readonly string[]): Promise<Finding[]> {
  return attackAll(parties, { probes: names.map(probeOf), writes: false, clock, random });
}

function probeOf(name: string): Probe {
  const probe = probes.find((one) => one.name === name);
  if (probe === undefined) throw new Error(`no probe ${name}`);
  return probe;
}

/** Names of the probes that saw something cross, each once. */
export function caughtBy(findings: readonly Finding[]): string[] {
  return [...new Set(findings.filter(({ outcome }) => outcome === 'crossed').map(({ probe }) => probe))].sort();
}

/** A step of a test's own between the writing of markers and the looks. */
export function step(work: Probe['attack']): Probe {
  return { name: 'step', kind: 'data', tries: 'a hole is made', attack: work };
}
