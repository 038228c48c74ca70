import { existsSync, readdirSync, statfsSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@mindora/runtime';
import Database from 'better-sqlite3';
import { type Command, Option } from 'commander';
import { backupSourceOf } from '../backup/create.ts';
import { backupStanding, standingText } from '../backup/standing.ts';
import { filesOf, type VersionFiles, withKeptSettings } from '../compose/files.ts';
import { tryLock } from '../compose/lock.ts';
import { type Config, loadConfig } from '../config.ts';
import type { EnginesKind } from '../engines.ts';
import { paint, print, printJson, table } from '../output.ts';
import { type CommonFlags, exitCodes, reportError, withJson } from './command.ts';
import { type EngineFinding, engineFindings } from './doctor-engines.ts';

type Finding = EngineFinding;

interface DoctorFlags extends CommonFlags {
  readonly engines?: EnginesKind;
}

const memoryBytesMin = 1.5 * 2 ** 30;
const diskBytesMin = 2 ** 30;
const nodeMajorMin = 24;
const sqliteVersionMin = [3, 40];

export function addDoctor(program: Command): void {
  withJson(program.command('doctor'))
    .description('check the machine, the engines and their durability settings')
    .addOption(
      new Option(
        '--engines <kind>',
        'which engines to look at (default: those that the version last ran on, else embedded)',
      ).choices(['embedded', 'real']),
    )
    .addHelpText('after', '\nExit code: 0 all is well, 1 something is not.\n\nExample:\n  mindora doctor --json')
    .action(run);
}

async function run(flags: DoctorFlags): Promise<void> {
  try {
    const given = loadConfig(flags);
    const files = filesOf(given.directory);
    const config = flags.engines === undefined ? withKeptSettings(files, given) : given;
    const findings = [...machine(config.directory), ...engines(), ...permissions(files), ...durability(files)];
    findings.push(...(await engineFindings(config)));
    findings.push(...backups(config), await portFree(config, files));
    report(findings, flags.json === true);
    process.exitCode = findings.every((finding) => finding.ok) ? exitCodes.ok : exitCodes.failed;
  } catch (error) {
    reportError(error, flags.json === true);
    process.exitCode = exitCodes.failed;
  }
}

function report(findings: readonly Finding[], json: boolean): void {
  if (json) {
    printJson({ ok: findings.every((finding) => finding.ok), findings });
    return;
  }
  const mark = (ok: boolean): string => (ok ? paint('green', 'ok') : paint('red', 'NOT OK'));
  print(
    table(
      ['check', 'result', 'detail'],
      findings.map(({ check, ok, detail }) => [check, mark(ok), detail]),
    ),
  );
}

function machine(directory: string): Finding[] {
  const major = Number(process.versions.node.split('.')[0]);
  const memory = totalmem();
  const { bavail, bsize } = statfsSync(nearestExisting(directory));
  const free = bavail * bsize;
  return [
    { check: 'Node.js', ok: major >= nodeMajorMin, detail: `${process.versions.node} (at least ${nodeMajorMin})` },
    { check: 'memory', ok: memory >= memoryBytesMin, detail: `${gibibytes(memory)} (at least 1.5 GiB)` },
    { check: 'disk', ok: free >= diskBytesMin, detail: `${gibibytes(free)} free (at least 1 GiB)` },
  ];
}

function nearestExisting(directory: string): string {
  return existsSync(directory) ? directory : nearestExisting(join(directory, '..'));
}

function gibibytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}

function engines(): Finding[] {
  const database = new Database(':memory:');
  try {
    const version = String(database.prepare('SELECT sqlite_version()').pluck().get());
    const [major = 0, minor = 0] = version.split('.').map(Number);
    const [needMajor = 0, needMinor = 0] = sqliteVersionMin;
    const recent = major > needMajor || (major === needMajor && minor >= needMinor);
    const options = database.pragma('compile_options', { simple: false }) as { compile_options: string }[];
    const fts5 = options.some((option) => option.compile_options === 'ENABLE_FTS5');
    return [
      { check: 'SQLite', ok: recent, detail: version },
      { check: 'SQLite full text', ok: fts5, detail: fts5 ? 'FTS5 is built in' : 'built without FTS5' },
    ];
  } finally {
    database.close();
  }
}

/** Secrets are for their owner alone. */
function permissions(files: VersionFiles): Finding[] {
  return [files.adminKey, files.metricsKey, files.secrets].filter(existsSync).map((file) => {
    const mode = statSync(file).mode & 0o777;
    return { check: `permissions of ${baseName(file)}`, ok: mode === 0o600, detail: `0${mode.toString(8)} (0600)` };
  });
}

function baseName(file: string): string {
  return file.slice(file.lastIndexOf('/') + 1);
}

/** Every database file is whole and keeps a write-ahead log, without which a kill could lose what was acknowledged. */
function durability(files: VersionFiles): Finding[] {
  const shared = [files.primary, files.bus, ...databasesIn(files.stores)].filter(existsSync).map(durabilityOf);
  const users = databasesIn(files.personal).map(durabilityOf);
  const broken = users.filter(({ ok }) => !ok);
  if (users.length === 0 || broken.length > 0) return [...shared, ...broken];
  return [...shared, { check: "durability of users' files", ok: true, detail: `${users.length} files, all whole` }];
}

function durabilityOf(file: string): Finding {
  const check = `durability of ${baseName(file)}`;
  try {
    const { journal, whole } = inspected(file);
    const detail = `journal_mode=${journal}, quick_check: ${whole}`;
    return { check, ok: journal === 'wal' && whole === 'ok', detail };
  } catch (error) {
    return { check, ok: false, detail: (error as Error).message };
  }
}

function inspected(file: string): { journal: string; whole: string } {
  const database = new Database(file, { readonly: true, timeout: 5000 });
  try {
    const journal = String(database.pragma('journal_mode', { simple: true }));
    return { journal, whole: String(database.pragma('quick_check(1)', { simple: true })) };
  } finally {
    database.close();
  }
}

function databasesIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith('.sqlite'))
    .map((name) => join(folder, name));
}

/** What would be lost with the disk is no more than planned. */
function backups(config: Config): Finding[] {
  const standing = backupStanding(backupSourceOf(config), config.backup, systemClock());
  return standing === null ? [] : [{ check: 'backup', ok: !standing.overdue, detail: standingText(standing) }];
}

/** The gateway's port is free, or it is this very version that has it. */
async function portFree(config: Config, files: VersionFiles): Promise<Finding> {
  const check = `port ${config.port}`;
  if (existsSync(files.lock)) {
    const unlock = tryLock(files.lock);
    if (unlock === null) return { check, ok: true, detail: 'the version is running' };
    unlock();
  }
  const server = createServer();
  const failure = await new Promise<string | null>((resolve) => {
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen(config.port, config.host, () => resolve(null));
  });
  server.close();
  return { check, ok: failure === null, detail: failure ?? `free on ${config.host}` };
}
