/** Records of an earlier system, taken over as they were there (A5.3). */
import { canonicalJson, encodePosition, entity, type Row } from '@mindora/contracts';
import { type AdoptableEntity, adoptionSchema } from '@mindora/contracts/routes';
import { MindoraError, toMindoraError, toProblem } from '@mindora/runtime';
import type { Mutation, PrimaryRecords, UnitResult, Written } from '@mindora/stores';
import { checkCreation } from './rules.ts';

export interface Adoption {
  readonly entity: AdoptableEntity;
  readonly items: readonly unknown[];
  /** Tells what would become of them. */
  readonly dry_run: boolean;
  /** Permissions that a dry run takes as there. */
  readonly permissions: readonly string[];
}

type Reads = Pick<PrimaryRecords, 'get' | 'find' | 'versions'>;
type Outcome =
  | { readonly outcome: 'inserted' | 'unchanged'; readonly id: string }
  | { readonly outcome: 'different'; readonly id: string; readonly fields: readonly string[] }
  | { readonly outcome: 'refused'; readonly problem: { readonly code: string; readonly detail: string } };

/**
 * Stores each record that is not there yet. One that is there stays as it is: the same content, in what was sent, is
 * `unchanged`, other content is `different`.
 *
 * @throws MindoraError `forbidden`: rights and administrators may be among the records
 */
export async function adopt(asked: Adoption, primary: PrimaryRecords, scope: string | null) {
  if (scope !== null) throw new MindoraError('forbidden', 'this is for administrators');
  const rows = await Promise.all(asked.items.map((item) => checked(asked, item, primary)));
  const outcomes: Outcome[] = [];
  const written: Written[] = [];
  const results = asked.dry_run ? [] : await writeEach(asked.entity, rows, primary);
  for (const row of rows) {
    if (row instanceof MindoraError) outcomes.push(refused(row));
    else outcomes.push(await outcomeOf(asked, row, results.shift(), written, primary));
  }
  return { results: outcomes.map((outcome, index) => ({ index, ...outcome })), position: encodePosition(written) };
}

async function writeEach(
  name: AdoptableEntity,
  rows: readonly (Row | MindoraError)[],
  primary: PrimaryRecords,
): Promise<UnitResult[]> {
  const good = rows.filter((row): row is Row => !(row instanceof MindoraError));
  const units = good.map((row): Mutation[] => [{ op: 'ensure', entity: name, row }]);
  return units.length === 0 ? [] : [...(await primary.writeEach(units))];
}

/** The record by the contract's schema and the service's rules, or what is wrong with it. */
async function checked(asked: Adoption, item: unknown, primary: Reads): Promise<Row | MindoraError> {
  const parsed = adoptionSchemaOf(asked.entity).safeParse(item);
  if (!parsed.success) {
    const mistakes = parsed.error.issues
      .slice(0, 20)
      .map(({ path, message }) => `${path.join('.') || 'item'}: ${message}`);
    return new MindoraError('invalid_request', mistakes.join('; ').slice(0, 1000));
  }
  const row = Object.fromEntries(Object.entries(parsed.data).filter(([, value]) => value !== undefined)) as Row;
  const { permission_code: code } = row;
  if (asked.dry_run && asked.entity === 'role_permission' && asked.permissions.includes(String(code))) return row;
  try {
    await checkCreation(asked.entity, row, primary);
    return row;
  } catch (thrown) {
    const error = toMindoraError(thrown);
    if (error.code !== 'invalid_request') throw error;
    return error;
  }
}

const schemas = new Map<AdoptableEntity, ReturnType<typeof adoptionSchema>>();

function adoptionSchemaOf(name: AdoptableEntity): ReturnType<typeof adoptionSchema> {
  const made = schemas.get(name) ?? adoptionSchema(name);
  schemas.set(name, made);
  return made;
}

async function outcomeOf(
  { entity: name }: Adoption,
  row: Row,
  result: UnitResult | undefined,
  written: Written[],
  primary: Reads,
): Promise<Outcome> {
  const id = String(row[entity(name).key]);
  if (result?.ok === true) {
    written.push(...result.written);
    return { outcome: result.written[0]?.change === 'inserted' ? 'inserted' : 'unchanged', id };
  }
  const error = result === undefined ? null : new MindoraError(result.code, result.detail);
  // It is not the record's fault; whoever asks again finds what was stored already to be there.
  if (error?.retryable === true) throw error;
  if (error !== null && error.code !== 'conflict') return refused(error);
  return (await present(name, row, primary)) ?? (error === null ? { outcome: 'inserted', id } : refused(error));
}

/** How a record stands to the one that is there in its place; null where nothing is. */
async function present(name: AdoptableEntity, row: Row, primary: Reads): Promise<Outcome | null> {
  const { key, columns, uniques } = entity(name);
  const id = String(row[key]);
  const same = await primary.get({ entity: name, id });
  if (same !== null) {
    const fields = differences(name, row, same);
    return fields.length === 0 ? { outcome: 'unchanged', id } : { outcome: 'different', id, fields };
  }
  for (const unique of uniques) {
    const where = Object.fromEntries(unique.map((column) => [column, row[column] ?? null]));
    const [other] = await primary.find({ entity: name, where, limit: 1 });
    if (other === undefined) continue;
    // An id that a service made says nothing: the same content under another one is the same record.
    const isSame = columns[key]?.managed === true && differences(name, row, other).length === 0;
    if (isSame) return { outcome: 'unchanged', id: String(other[key]) };
    return refused(new MindoraError('conflict', `another record has its ${unique.join(', ')}`));
  }
  return null;
}

/** Fields that were sent and are otherwise there; times and ids are the service's own. */
function differences(name: AdoptableEntity, row: Row, stored: Row): string[] {
  const { columns } = entity(name);
  return Object.keys(row).filter(
    (field) =>
      columns[field]?.managed !== true && canonicalJson(row[field] ?? null) !== canonicalJson(stored[field] ?? null),
  );
}

function refused(error: MindoraError): Outcome {
  const { code, detail } = toProblem(error);
  return { outcome: 'refused', problem: { code, detail } };
}
