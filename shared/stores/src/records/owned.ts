/** What services do with records that belong to users: conversations and analyses alike, written and read by key. */
import { encodePosition, type Json, type Row } from '@mindora/contracts';
import { MindoraError, type Random, toMindoraError, toProblem } from '@mindora/runtime';
import type { z } from 'zod';
import type { CacheQueries } from '../cache/port.ts';
import type { Mutation, PrimaryRecords, UnitResult, Written } from '../primary/port.ts';

/** Fields as a client sends them; undefined is left out. */
export type Fields = { readonly [field: string]: Json | undefined };

export interface OwnedRecordsOptions {
  readonly entity: 'conversation' | 'analysis';
  /** A new record as a client sends it; each item of a batch is held to it by itself. */
  readonly schema: z.ZodType<Fields>;
  /** The field of a new record in which a client may give its own id. */
  readonly idField: string;
  /** The columns of a new record but its id; null where the client left one out. */
  readonly columns: readonly string[];
  readonly primary: Pick<PrimaryRecords, 'write' | 'writeEach' | 'get'>;
  readonly cache: Pick<CacheQueries, 'record'>;
  readonly random: Random;
}

/** What a client is told of one item of a batch. */
export interface BatchOutcome {
  readonly index: number;
  readonly id: string | null;
  readonly problem: { readonly code: string; readonly detail: string } | null;
}

/** Everywhere, `scope` is the only user whose records may be seen and changed; null: all of them. */
export interface OwnedRecords {
  create(fields: Fields, scope: string | null): Promise<{ readonly id: string; readonly position: string }>;
  createEach(
    items: readonly unknown[],
    scope: string | null,
  ): Promise<{ readonly outcomes: readonly BatchOutcome[]; readonly position: string }>;
  get(id: string, scope: string | null): Promise<{ readonly row: Row; readonly source: 'cache' | 'primary' }>;
  update(id: string, change: Fields, scope: string | null): Promise<{ readonly row: Row; readonly position: string }>;
  remove(id: string, scope: string | null): Promise<{ readonly position: string }>;
}

/** Records of one entity, by key. */
export function ownedRecords(options: OwnedRecordsOptions): OwnedRecords {
  const { entity, primary } = options;
  return {
    async create(fields, scope) {
      const mutation = creation(options, fields, scope);
      const [written] = await primary.write([mutation]);
      return { id: String(mutation.row.id), position: encodePosition(listed(written)) };
    },
    createEach: (items, scope) => createEach(options, items, scope),
    async get(id, scope) {
      const found = await read(options, id);
      if (found === null || !mayTouch(scope, found.row)) throw notFound(entity);
      return found;
    },
    async update(id, change, scope) {
      const set = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined)) as Row;
      const [written] = await primary.write([{ op: 'update', entity, id, set, ...ownerOf(scope) }]);
      if (written?.row == null) throw notFound(entity);
      return { row: written.row, position: encodePosition([written]) };
    },
    async remove(id, scope) {
      const written = await primary.write([{ op: 'delete', entity, id, ...ownerOf(scope) }]);
      return { position: encodePosition(written) };
    },
  };
}

type Creation = Extract<Mutation, { readonly op: 'insert' | 'ensure' }>;

/** With an id of the client's own, sending the same again adds nothing, and something else is a conflict. */
function creation(options: OwnedRecordsOptions, fields: Fields, scope: string | null): Creation {
  if (!mayTouch(scope, fields)) throw new MindoraError('forbidden', 'user_id must be your own');
  const given = fields[options.idField];
  const columns = options.columns.map((name) => [name, fields[name] ?? null] as const);
  const row: Row = { id: given ?? options.random.id(), ...Object.fromEntries(columns) };
  const op = given === undefined ? 'insert' : 'ensure';
  return { op, entity: options.entity, row };
}

async function createEach(options: OwnedRecordsOptions, items: readonly unknown[], scope: string | null) {
  const planned = items.map((item) => plan(options, item, scope));
  const good = planned.filter((it): it is Creation => !(it instanceof MindoraError));
  const results = await options.primary.writeEach(good.map((mutation) => [mutation]));
  const resultOf = new Map(good.map((mutation, index) => [mutation, results[index]]));
  const outcomes = planned.map((it, index) => {
    if (it instanceof MindoraError) return refused(index, it);
    return outcome(index, String(it.row.id), resultOf.get(it));
  });
  const written = results.flatMap((result) => (result.ok ? result.written : []));
  return { outcomes, position: encodePosition(written) };
}

function plan(options: OwnedRecordsOptions, item: unknown, scope: string | null): Creation | MindoraError {
  const parsed = options.schema.safeParse(item);
  if (!parsed.success) return invalid(parsed.error);
  try {
    return creation(options, parsed.data, scope);
  } catch (thrown) {
    return toMindoraError(thrown);
  }
}

function invalid(error: z.ZodError): MindoraError {
  const errors = error.issues.slice(0, 20).map(({ path, message }) => ({ path: path.join('.'), message }));
  const fields = errors.map(({ path, message }) => `${path || 'item'}: ${message}`);
  return new MindoraError('invalid_request', fields.join('; ').slice(0, 1000), { data: { errors } });
}

function outcome(index: number, id: string, result: UnitResult | undefined): BatchOutcome {
  if (result?.ok === true) return { index, id, problem: null };
  return refused(index, new MindoraError(result?.code ?? 'internal', result?.detail));
}

function refused(index: number, error: MindoraError): BatchOutcome {
  return { index, id: null, problem: toProblem(error) };
}

/** The cache is a help: what it hasn't, or can't say now, the primary knows. */
async function read({ cache, primary, entity }: OwnedRecordsOptions, id: string) {
  const cached = await cache.record(entity, id).catch(absentWhereUnavailable);
  if (cached !== null) return { row: cached, source: 'cache' as const };
  const row = await primary.get({ entity, id });
  return row === null ? null : { row, source: 'primary' as const };
}

function absentWhereUnavailable(thrown: unknown): null {
  const error = toMindoraError(thrown);
  if (error.code === 'store_unavailable') return null;
  throw error;
}

function mayTouch(scope: string | null, row: Fields): boolean {
  return scope === null || row.user_id === scope;
}

function ownerOf(scope: string | null): { readonly owner?: string } {
  return scope === null ? {} : { owner: scope };
}

function listed(written: Written | undefined): Written[] {
  return written === undefined ? [] : [written];
}

function notFound(entity: string): MindoraError {
  return new MindoraError('not_found', `there is no such ${entity}`);
}
