/**
 * A migration: every table of the earlier layout, page by page, through the version's own way to write. Nothing is
 * noted of how far it got: what an earlier run stored is found to be there, so it may be killed and begun again.
 */
import type { ErrorCode, Row } from '@mindora/contracts';
import { MindoraError } from '@mindora/runtime';
import { ProblemError } from '@mindora/sdk';
import type { Operations } from '../operations.ts';
import type { Progress } from '../output.ts';
import { type Choice, isChosen } from './choice.ts';
import { type EarlierTable, earlierTables, type Plan, planOf } from './layout.ts';
import { type EarlierRow, type MappingOptions, mapRow } from './mapping.ts';
import { keep, type MigrationReport, newTableReport, refuse, type TableReport } from './report.ts';
import type { Source, TableFacts } from './source.ts';

export interface MigrationOptions {
  readonly version: string;
  readonly dryRun: boolean;
  /** Rows a request. */
  readonly batch: number;
  readonly choice: Choice;
  /** Tables to take; null: all. */
  readonly tables: readonly string[] | null;
  readonly idPrefix: string;
  readonly offsetMinutes: number;
}

/** A request stays well below the gateway's limit for bodies. */
const batchBytesMax = 4 * 1024 * 1024;

interface Run {
  readonly source: Source;
  readonly operations: Operations;
  readonly options: MigrationOptions;
  readonly report: MigrationReport;
  readonly shown: Progress;
  /** Rows done, of all that are about there. */
  readonly progress: { done: number; total: number };
  /** With a dry run: permissions that would be there. */
  readonly permissions: Set<string>;
}

interface Candidate {
  /** The row's key in the earlier database. */
  readonly key: string;
  readonly record: Row;
  readonly bytes: number;
}

/** Migrates, or with `dryRun` tells what it would do. @throws MindoraError where source or version are not available */
export async function migrate(
  source: Source,
  operations: Operations,
  options: MigrationOptions,
  shown: Progress,
): Promise<MigrationReport> {
  const { version, dryRun } = options;
  const report: MigrationReport = {
    version,
    dry_run: dryRun,
    source: source.facts,
    tables: {},
    left_out: [],
    notes: notesOf(source),
  };
  const chosen = earlierTables.filter(({ table }) => options.tables?.includes(table) ?? true);
  const total = chosen.reduce((sum, { table }) => sum + (source.tables.get(table)?.rowsAbout ?? 0), 0);
  const run: Run = { source, operations, options, report, shown, progress: { done: 0, total }, permissions: new Set() };
  for (const earlier of chosen) await migrateTable(run, earlier);
  leaveOut(run, chosen);
  shown.end();
  return report;
}

function notesOf({ facts, tables }: Source): string[] {
  const account = 'the account may do more than read; SELECT on the database is enough';
  const loose = [...tables.values()].filter(({ engine }) => engine !== '' && engine.toLowerCase() !== 'innodb');
  return [
    ...(facts.accountMayWrite ? [account] : []),
    ...loose.map(({ name, engine }) => `${name} is ${engine}, which has no snapshots: stop its writers first`),
  ];
}

/** Tables that nothing was taken from. */
function leaveOut({ source, report, options }: Run, chosen: readonly EarlierTable[]): void {
  for (const { name, rowsAbout } of source.tables.values()) {
    if (chosen.some(({ table }) => table === name)) continue;
    const isKnown = earlierTables.some(({ table }) => table === name);
    const why = isKnown && options.tables !== null ? 'not among --tables' : 'not part of the earlier layout';
    report.left_out.push({ table: name, rows_about: rowsAbout, why });
  }
}

async function migrateTable(run: Run, earlier: EarlierTable): Promise<void> {
  const { source, report } = run;
  const facts = source.tables.get(earlier.table);
  const skip = (why: string): void =>
    void report.left_out.push({ table: earlier.table, rows_about: facts?.rowsAbout ?? 0, why });
  if (facts === undefined) return skip('it is not there');
  const plan = planOf(earlier, [...facts.columns.keys()]);
  if (plan.missing.length > 0) return skip(`it has no column for ${plan.missing.join(', ')}`);
  if (facts.key === null) return skip('its rows have no primary key of one column to be known by');
  const counted = newTableReport(earlier.entity, plan.leftOut);
  report.tables[earlier.table] = counted;
  for await (const batch of batchesOf(run, plan, facts, counted)) {
    await send(run, plan, batch, counted);
    run.shown.update(run.progress.done, Math.max(run.progress.done, run.progress.total), earlier.table);
  }
}

async function* batchesOf(
  run: Run,
  plan: Plan,
  facts: TableFacts,
  report: TableReport,
): AsyncGenerator<readonly Candidate[]> {
  const { options, source, progress } = run;
  const mapping: MappingOptions = { ...options, serverZone: source.facts.zone };
  for await (const { rows, tooLarge } of source.pages(facts, [...plan.columnOf.values()])) {
    const candidates = rows.flatMap((row) => candidateOf(plan, row, facts, mapping, options.choice, report) ?? []);
    for (const row of tooLarge) refuse(report, { row, code: 'body_too_large', detail: 'the row is too large to read' });
    report.read += rows.length + tooLarge.length;
    progress.done += rows.length + tooLarge.length;
    yield* inBatches(candidates, options.batch);
  }
}

function candidateOf(
  plan: Plan,
  row: EarlierRow,
  facts: TableFacts,
  mapping: MappingOptions,
  choice: Choice,
  report: TableReport,
): Candidate | null {
  if (!isChosen(choice, plan, row)) {
    report.not_chosen += 1;
    return null;
  }
  const { record, changes } = mapRow(plan, row, facts.columns, mapping);
  for (const change of changes) report.changed[change] = (report.changed[change] ?? 0) + 1;
  return { key: row[facts.key ?? ''] ?? '', record, bytes: Buffer.byteLength(JSON.stringify(record)) };
}

function* inBatches(candidates: readonly Candidate[], rowsMax: number): Generator<readonly Candidate[]> {
  let batch: Candidate[] = [];
  let bytes = 0;
  for (const candidate of candidates) {
    if (batch.length > 0 && (batch.length >= rowsMax || bytes + candidate.bytes > batchBytesMax)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(candidate);
    bytes += candidate.bytes;
  }
  if (batch.length > 0) yield batch;
}

interface Result {
  readonly outcome: 'inserted' | 'unchanged' | 'different' | 'refused';
  readonly fields?: readonly string[];
  readonly problem?: { readonly code: string; readonly detail: string };
}

/** Sends a batch; where the request as a whole is refused, its halves, down to the row that is at fault. */
async function send(run: Run, plan: Plan, batch: readonly Candidate[], report: TableReport): Promise<void> {
  let results: readonly Result[];
  try {
    results = await adopt(run, plan, batch);
  } catch (thrown) {
    const code = contentFault(thrown);
    const [first] = batch;
    if (code === null || first === undefined) throw thrown;
    const detail = thrown instanceof Error ? thrown.message : '';
    if (batch.length === 1) return refuse(report, { row: first.key, code, detail });
    const half = Math.ceil(batch.length / 2);
    await send(run, plan, batch.slice(0, half), report);
    return send(run, plan, batch.slice(half), report);
  }
  for (const [index, candidate] of batch.entries()) count(run, plan, candidate, results[index], report);
}

async function adopt({ operations, options, permissions }: Run, plan: Plan, batch: readonly Candidate[]) {
  const { entity } = plan.earlier;
  const items = batch.map(({ record }) => record);
  const dry = options.dryRun ? { dry_run: true, permissions: codesOf(entity, permissions, batch) } : {};
  // What is there is left as it is, so a request whose answer was lost may be sent again.
  const answer = await operations.call('config.adopt', { body: { entity, items, ...dry } }, { repeatable: true });
  return answer.results as readonly Result[];
}

/** Of the permissions that would be there, those that a batch of rights names. */
function codesOf(entity: string, permissions: ReadonlySet<string>, batch: readonly Candidate[]): string[] {
  if (entity !== 'role_permission') return [];
  const codes = new Set(batch.map(({ record }) => String(record.permission_code)));
  return [...codes].filter((code) => permissions.has(code));
}

const contentFaults: ReadonlySet<ErrorCode> = new Set(['invalid_request', 'body_too_large', 'unsafe_number']);

function contentFault(thrown: unknown): ErrorCode | null {
  const isOurs = thrown instanceof ProblemError || thrown instanceof MindoraError;
  return isOurs && contentFaults.has(thrown.code) ? thrown.code : null;
}

function count({ permissions }: Run, plan: Plan, it: Candidate, result: Result | undefined, report: TableReport): void {
  const { outcome, fields = [], problem } = result ?? {};
  if (outcome === 'inserted') report.written += 1;
  else if (outcome === 'unchanged') report.there += 1;
  else if (outcome === 'different') keep(report, { row: it.key, fields });
  else refuse(report, { row: it.key, code: problem?.code ?? 'internal', detail: problem?.detail ?? '' });
  if (plan.earlier.entity === 'permission' && outcome === 'inserted') {
    permissions.add(String(it.record.permission_code));
  }
}
