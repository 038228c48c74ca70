import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock, systemRandom } from '@mindora/runtime';
import { type Command, Option } from 'commander';
import { filesOf, withKeptSettings } from '../compose/files.ts';
import { loadConfig, versionNames } from '../config.ts';
import { createDocker } from '../isolation/docker/api.ts';
import { type ContainerView, containersOf } from '../isolation/docker/containers.ts';
import { findGateway } from '../isolation/docker/gateway.ts';
import { isThere, type Party, partyOf, withContainers } from '../isolation/party.ts';
import { type Kind, kinds, type Outcome, type Probe } from '../isolation/probe.ts';
import { probes } from '../isolation/probes/index.ts';
import { type IsolationReport, reportOf } from '../isolation/report.ts';
import { attackAll, type Finding } from '../isolation/run.ts';
import { paint, print, printJson, progress, table, tell } from '../output.ts';
import { composeDirectory } from '../versions/generated.ts';
import { exitCodes, reportError } from './command.ts';

interface IsolationFlags {
  readonly version?: readonly string[];
  readonly data: string;
  readonly secrets?: string;
  readonly logs?: string;
  readonly docker?: string;
  readonly kind?: readonly Kind[];
  readonly probe?: readonly string[];
  readonly write: boolean;
  readonly strict: boolean;
  readonly all: boolean;
  readonly json: boolean;
}

export function addIsolation(program: Command): void {
  program
    .command('isolation')
    .description('try to cross each border between versions, and tell which held')
    .addOption(
      new Option('--version <name...>', 'versions that attack each other (default: all that are here)').choices(
        versionNames(),
      ),
    )
    .option('--data <dir>', 'directory that holds the data of all versions', './data')
    .option('--secrets <dir>', "folder with the versions' secrets of their containers (default: that of compose/)")
    .option('--logs <dir>', 'folder with a log a version, NAME.log or a folder NAME')
    .option('--docker <endpoint>', "attack containers too: unix:///var/run/docker.sock, or Podman's")
    .addOption(new Option('--kind <kind...>', 'only these kinds of border').choices(kinds))
    .addOption(new Option('--probe <name...>', 'only these probes').choices(probes.map(({ name }) => name)))
    .option('--no-write', 'write nothing into any version; then nothing can be looked for in the others')
    .option('--strict', 'exit code 2 where something could not be tried', false)
    .option('--all', 'print every attempt', false)
    .option('--json', 'print JSON for programs', false)
    .addHelpText('after', helpText)
    .action(run);
}

const helpText = `
Every version attacks every other one: with its keys, tokens and passwords, by its ports, files and ids. A record with
random words is written into each running version and looked for in all others; it is deleted at the end, and its URL is
printed where it could not be. "held" means that the attack was made and refused, where the owner is let in; "untried"
that it could not be made, which proves nothing. docs/isolation.md tells what each probe tries.

Exit code: 0 nothing crossed, 1 something did, 2 nothing could be tried (with --strict: not everything).

Examples:
  mindora isolation
  mindora isolation --version future dao --kind data application
  mindora isolation --json --strict`;

async function run(flags: IsolationFlags): Promise<void> {
  try {
    const began = performance.now();
    const parties = await partiesOf(flags);
    const chosen = chosenProbes(flags);
    const shown = flags.json ? null : progress('isolation');
    const left: string[] = [];
    const findings = await attackAll(parties, {
      probes: chosen,
      writes: flags.write,
      clock: systemClock(),
      random: systemRandom(),
      onProgress: (done, total, what) => shown?.update(done, total, what),
      onLeft: (urls) => left.push(...urls),
    });
    shown?.end();
    if (left.length > 0) tell(`records of this run that could not be deleted:\n${left.join('\n')}`);
    const names = parties.map(({ name }) => name);
    const report = reportOf(names, chosen, findings, performance.now() - began);
    if (flags.json) printJson(report);
    else printReport(report, flags.all);
    process.exitCode = exitCodeOf(report, flags.strict);
  } catch (error) {
    reportError(error, flags.json);
    process.exitCode = exitCodes.unchecked;
  }
}

async function partiesOf({ version, data, secrets, logs, docker }: IsolationFlags): Promise<Party[]> {
  const standard = join(composeDirectory, 'secrets');
  const places = { secrets: secrets ?? (existsSync(standard) ? standard : null), logs: logs ?? null };
  const containers = docker === undefined ? new Map() : await containersOf(createDocker(docker), versionNames());
  const named = (version ?? versionNames()).map(async (name) => {
    const config = loadConfig({ version: name, data });
    const own: readonly ContainerView[] = containers.get(name) ?? [];
    const party = partyOf(withKeptSettings(filesOf(config.directory), config), places);
    return withContainers(party, own, await findGateway(name, own));
  });
  const parties = await Promise.all(named);
  // One that was asked for by name and isn't here is told of, by probes that find nothing to try.
  return version === undefined ? parties.filter(isThere) : parties;
}

function chosenProbes({ kind, probe }: IsolationFlags): Probe[] {
  return probes.filter(
    (one) => (kind ?? kinds).includes(one.kind) && (probe === undefined || probe.includes(one.name)),
  );
}

function exitCodeOf({ total }: IsolationReport, strict: boolean): number {
  if (total.crossed > 0) return exitCodes.failed;
  return total.held === 0 || (strict && total.untried > 0) ? exitCodes.unchecked : exitCodes.ok;
}

const colours = { held: 'green', crossed: 'red', untried: 'yellow' } as const;
const paintOutcome = (outcome: Outcome): string => paint(colours[outcome], outcome);

function printReport(report: IsolationReport, all: boolean): void {
  print(table(['kind', 'probe', 'held', 'crossed', 'untried', 'what it tries'], probeRows(report)));
  print('');
  print(table(['version', ...kinds], versionRows(report)));
  printAttempts(report, all);
  const { held, crossed, untried } = report.total;
  const verdict =
    crossed > 0
      ? paint('red', 'NOT isolated')
      : paint(held > 0 ? 'green' : 'yellow', held > 0 ? 'isolated' : 'unknown');
  print(`\n${verdict}: ${held} attempts held, ${crossed} crossed, ${untried} untried (${report.took_ms} ms)`);
}

function probeRows({ probes: all }: IsolationReport): (string | number)[][] {
  return all.map(({ kind, probe, tries, held, crossed, untried }) => [kind, probe, held, crossed, untried, tries]);
}

function versionRows({ versions }: IsolationReport): string[][] {
  return Object.entries(versions).map(([name, verdicts]) => [
    name,
    ...kinds.map((kind) => paintOutcome(verdicts[`${kind}_isolation`].outcome)),
  ]);
}

/** What crossed, one by one; what could not be tried, by its reason. */
function printAttempts({ attempts }: IsolationReport, all: boolean): void {
  const listed = all ? attempts : attempts.filter(({ outcome }) => outcome === 'crossed');
  if (listed.length > 0) print(`\n${table(['attack', 'probe', 'outcome', 'tried', 'answer'], listed.map(attemptRow))}`);
  const missed = attempts.filter(({ outcome }) => outcome === 'untried');
  if (all || missed.length === 0) return;
  print(`\n${table(['not tried', 'probe', 'because'], missedRows(missed))}`);
}

function attemptRow({ attacker, victim, probe, outcome, tried, answer }: Finding): string[] {
  return [`${attacker} -> ${victim}`, probe, paintOutcome(outcome), tried, answer];
}

function missedRows(missed: readonly Finding[]): (string | number)[][] {
  const counts = new Map<string, { probe: string; answer: string; count: number }>();
  for (const { probe, answer } of missed) {
    const key = `${probe} ${answer}`;
    counts.set(key, { probe, answer, count: (counts.get(key)?.count ?? 0) + 1 });
  }
  return [...counts.values()].map(({ probe, answer, count }) => [count, probe, answer]);
}
