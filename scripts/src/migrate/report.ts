/** What a migration did, for people and for programs: counts, row ids and reasons, never content. */
import type { AdoptableEntity } from '@mindora/contracts/routes';
import { paint, table } from '../output.ts';
import { ownSettings } from './layout.ts';
import type { SourceFacts } from './source.ts';

/** Rows named a table and kind; further ones are only counted. */
export const namedMax = 10_000;
const shownMax = 20;

export interface Refusal {
  /** The row's key in the earlier database. */
  readonly row: string;
  readonly code: string;
  readonly detail: string;
}

export interface Kept {
  readonly row: string;
  readonly fields: readonly string[];
}

export interface TableReport {
  readonly entity: AdoptableEntity;
  read: number;
  written: number;
  /** Stored by an earlier run, or by the version itself, with the same content. */
  there: number;
  /** There with other content, which stands. */
  kept: number;
  refused: number;
  /** Rows of users that this version doesn't take. */
  not_chosen: number;
  /** How many values were changed on the way, by "field: how". */
  readonly changed: Record<string, number>;
  readonly left_out_columns: Readonly<Record<string, string>>;
  readonly refusals: Refusal[];
  readonly differing: Kept[];
}

export interface MigrationReport {
  readonly version: string;
  readonly dry_run: boolean;
  readonly source: SourceFacts;
  readonly tables: Record<string, TableReport>;
  /** Tables that nothing was taken from, and why. */
  readonly left_out: { readonly table: string; readonly rows_about: number; readonly why: string }[];
  readonly notes: string[];
}

export function newTableReport(entity: AdoptableEntity, leftOut: Readonly<Record<string, string>>): TableReport {
  const counts = { read: 0, written: 0, there: 0, kept: 0, refused: 0, not_chosen: 0 };
  return { entity, ...counts, changed: {}, left_out_columns: leftOut, refusals: [], differing: [] };
}

export function refuse(report: TableReport, refusal: Refusal): void {
  report.refused += 1;
  if (report.refusals.length < namedMax) report.refusals.push(refusal);
}

export function keep(report: TableReport, kept: Kept): void {
  report.kept += 1;
  if (report.differing.length < namedMax) report.differing.push(kept);
}

/** Whether every row is where it belongs: none refused, and none kept but the version's own settings. */
export function isWhole({ tables }: MigrationReport): boolean {
  return Object.values(tables).every(
    ({ entity, refused, kept }) => refused === 0 && (kept === 0 || ownSettings.has(entity)),
  );
}

/** For people. */
export function reportText(report: MigrationReport): string {
  const { source, version, dry_run } = report;
  const tables = Object.entries(report.tables);
  const head = `${source.database} on ${source.server} to version ${version}, as of ${source.snapshotAt}`;
  const verb = dry_run ? 'would write' : 'written';
  const counts = table(
    ['table', 'read', verb, 'there', 'kept', 'refused', 'not chosen'],
    tables.map(([name, it]) => [name, it.read, it.written, it.there, it.kept, it.refused, it.not_chosen]),
  );
  const parts = [
    head,
    counts,
    ...section('values changed on the way', tables.flatMap(changesOf)),
    ...section('columns left out', tables.flatMap(leftOutOf)),
    ...section(
      'tables left out',
      report.left_out.map((it) => `${it.table} (about ${it.rows_about} rows): ${it.why}`),
    ),
    ...section('kept: there with other content, which stands', listed(tables, keptOf)),
    ...section('refused', listed(tables, refusalsOf)),
    ...section('notes', report.notes),
  ];
  return parts.join('\n\n');
}

type Named = [string, TableReport];

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [[paint('bold', title), ...lines.map((line) => `  ${line}`)].join('\n')];
}

function changesOf([name, { changed }]: Named): string[] {
  return Object.entries(changed).map(([how, count]) => `${name}.${how} (${count})`);
}

function leftOutOf([name, { left_out_columns }]: Named): string[] {
  return Object.entries(left_out_columns).map(([column, why]) => `${name}.${column}: ${why}`);
}

function keptOf([name, { differing, kept }]: Named): { lines: string[]; count: number } {
  return { lines: differing.map(({ row, fields }) => `${name} row ${row}: ${fields.join(', ')}`), count: kept };
}

function refusalsOf([name, { refusals, refused }]: Named): { lines: string[]; count: number } {
  return { lines: refusals.map((it) => `${name} row ${it.row}: ${it.code}, ${it.detail}`), count: refused };
}

function listed(tables: readonly Named[], of: (named: Named) => { lines: string[]; count: number }): string[] {
  return tables.flatMap((named) => {
    const { lines, count } = of(named);
    const shown = lines.slice(0, shownMax);
    const rest = count - shown.length;
    return rest === 0 ? shown : [...shown, `${named[0]}: ${rest} more; --json names ${lines.length} of them all`];
  });
}
