/** Three embedded versions at once under load, and what of one is found in another afterwards. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { temporaryDirectory } from '@mindora/testing/plain';
import { type Figures, percentile } from '../bench/figures.ts';
import { mindora, mindoraJson } from '../support/version.ts';
import { examine, examineFiles, examineLabels, type Findings, newFindings } from './foreign.ts';
import { type MemoryFigures, watchMemory } from './memory.ts';
import { type EmbeddedVersion, startEmbedded } from './start.ts';
import { type Identity, type RunningTraffic, startTraffic, type Traffic } from './traffic.ts';

const names = ['future', 'dao', 'blockchain'] as const;
const scrapeEveryMs = 5000;

export interface VersionOutcome {
  readonly name: string;
  readonly traffic: Traffic;
  readonly verifyCode: number | null;
  readonly differences: number;
  readonly findings: Findings;
  readonly scrapes: number;
  readonly memory: MemoryFigures;
  readonly exitCode: number | null;
}

export interface Outcome {
  readonly seconds: number;
  readonly versions: readonly VersionOutcome[];
  readonly total: MemoryFigures;
}

interface Verdict {
  readonly code: number | null;
  readonly differences: number;
}

interface Member {
  readonly version: EmbeddedVersion;
  readonly own: Identity;
  readonly others: readonly Identity[];
  readonly findings: Findings;
  scrapes: number;
}

/** Runs them for so long, with so many writes a second each. */
export async function runSideBySide(seconds: number, ratePerSecond: number): Promise<Outcome> {
  const directory = await temporaryDirectory();
  const versions: EmbeddedVersion[] = [];
  try {
    versions.push(...(await Promise.all(names.map((name) => startEmbedded(name, directory.path)))));
    return await observe(versions, seconds, ratePerSecond);
  } finally {
    await Promise.all(versions.map((version) => version.stop()));
    await directory.remove();
  }
}

async function observe(versions: readonly EmbeddedVersion[], seconds: number, rate: number): Promise<Outcome> {
  const members = membersOf(versions);
  const memory = watchMemory(versions.map(({ pid }) => pid));
  const running = members.map(({ version, own, others }) => startTraffic(version, own, others, rate));
  await scrapeFor(members, seconds);
  await Promise.all(running.map((one) => one.stop()));
  const verdicts: Verdict[] = [];
  for (const member of members) verdicts.push(await settle(member));
  await Promise.all(members.map(scrape));
  memory.stop();
  const exits = await Promise.all(versions.map((version) => version.stop()));
  for (const { version, own, others, findings } of members) {
    examineFiles(version.data, own, others, findings);
    examineLabels(readFileSync(version.logFile, 'utf8'), version.logFile, own, findings);
  }
  return {
    seconds,
    total: memory.total(),
    versions: members.map(({ version, findings, scrapes }, index) => ({
      name: version.name,
      traffic: (running[index] as RunningTraffic).traffic,
      verifyCode: verdicts[index]?.code ?? null,
      differences: verdicts[index]?.differences ?? -1,
      findings,
      scrapes,
      memory: memory.of(version.pid),
      exitCode: exits[index] ?? null,
    })),
  };
}

function membersOf(versions: readonly EmbeddedVersion[]): Member[] {
  const identities = versions.map(({ name }): Identity => {
    // One word that no text has by chance, and that tells nothing of the version.
    return { name, marker: `zq${randomBytes(8).toString('hex')}`, ids: new Set() };
  });
  return versions.map((version, index) => ({
    version,
    own: identities[index] as Identity,
    others: identities.filter((_, other) => other !== index),
    findings: newFindings(),
    scrapes: 0,
  }));
}

async function scrapeFor(members: readonly Member[], seconds: number): Promise<void> {
  const endsAt = performance.now() + seconds * 1000;
  while (performance.now() < endsAt) {
    await pause(Math.max(1, Math.min(scrapeEveryMs, endsAt - performance.now())));
    await Promise.all(members.map(scrape));
  }
}

async function scrape(member: Member): Promise<void> {
  const { version, own, others, findings } = member;
  const headers = { authorization: `Bearer ${version.adminKey}` };
  const response = await fetch(`${version.url}/metrics`, { headers, signal: AbortSignal.timeout(30_000) });
  const text = await response.text();
  if (!response.ok) throw new Error(`/metrics of ${version.name} answered ${response.status}`);
  member.scrapes += 1;
  examine(text, `/metrics of ${version.name}`, own, others, findings);
  examineLabels(text, `/metrics of ${version.name}`, own, findings);
}

/** Verifies a version, asks it for the data of others, and backs it up. */
async function settle(member: Member): Promise<Verdict> {
  const { version, others } = member;
  const { code, json } = await mindoraJson(version.data, ['verify', '--version', version.name]);
  for (const other of others) await askFor(member, other);
  const backup = await mindora(version.data, ['backup', '--version', version.name]);
  if (backup.code !== 0) throw new Error(`backup of ${version.name}: ${backup.error}`);
  return { code, differences: (json.differences as unknown[] | undefined)?.length ?? -1 };
}

/** What a version answers to who asks for another's user, words and ids. */
async function askFor({ version, findings }: Member, { name, marker, ids }: Identity): Promise<void> {
  const [id = 'none'] = ids;
  const asked: [string, string, object?][] = [
    ['GET', `/api/v1/ai/history/${marker}-u1`],
    ['GET', `/api/v1/ai/user/${marker}-u1`],
    ['GET', `/api/v1/ai/conversation/${id}`],
    ['POST', '/api/v1/ai/search/conversations', { query: marker }],
    ['POST', '/api/v1/ai/search/conversations/mongodb', { query: { user_id: `${marker}-u1` } }],
  ];
  for (const [method, path, body] of asked) {
    const response = await fetch(version.url + path, {
      method,
      headers: { authorization: `Bearer ${version.adminKey}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer = (await response.json()) as { history?: unknown[]; results?: unknown[]; user_info?: unknown };
    const found = (answer.history?.length ?? 0) + (answer.results?.length ?? 0) + (answer.user_info ? 1 : 0);
    const isThere = path.endsWith(id) && response.status !== 404;
    if (found > 0 || isThere) {
      findings.foreignCount += 1;
      findings.foreign.push(`${method} ${path} of ${version.name} answers with data of ${name}`);
    }
  }
}

/** Whether nothing failed, nothing crossed, and nothing disagrees. */
export function isClean({ versions }: Outcome): boolean {
  return versions.every(
    ({ traffic, verifyCode, differences, findings, exitCode }) =>
      traffic.failed === 0 &&
      traffic.foreignAnswers === 0 &&
      traffic.acknowledged === traffic.sent &&
      verifyCode === 0 &&
      differences === 0 &&
      findings.foreignCount === 0 &&
      findings.ownCount > 0 &&
      exitCode === 0,
  );
}

/** A line a version. */
export function rowsOf({ versions }: Outcome): Figures[] {
  return versions.map(({ name, traffic, verifyCode, differences, findings, memory, scrapes }) => ({
    version: name,
    sent: traffic.sent,
    acknowledged: traffic.acknowledged,
    reads: traffic.reads,
    failed: traffic.failed + traffic.skipped,
    'p50 ms': percentile(traffic.latenciesMs, 0.5),
    'p99 ms': percentile(traffic.latenciesMs, 0.99),
    verify: verifyCode,
    drift: differences,
    foreign: findings.foreignCount + traffic.foreignAnswers,
    files: findings.files,
    'searched MB': Math.round(findings.bytes / 1024 ** 2),
    values: findings.values,
    scrapes,
    'peak MB': memory.peakMb,
    'mean MB': memory.meanMb,
  }));
}
