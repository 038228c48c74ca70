/** A row of the earlier database as a record of the contract, without I/O. */
import type { Json, Row } from '@mindora/contracts';
import type { Plan } from './layout.ts';
import { type ColumnFacts, convert, type Surroundings } from './values.ts';

/** A row as it was read: every value as text. */
export type EarlierRow = Readonly<Record<string, string | null>>;

export interface MappedRow {
  readonly record: Row;
  /** What was changed, each as "field: how". */
  readonly changes: readonly string[];
}

export interface MappingOptions extends Surroundings {
  /** Before ids that the earlier database counted, so that those of two databases don't meet. */
  readonly idPrefix: string;
}

/** Maps one row. Whether the record is one is for the contract's schema to say. */
export function mapRow(
  plan: Plan,
  row: EarlierRow,
  facts: ReadonlyMap<string, ColumnFacts>,
  options: MappingOptions,
): MappedRow {
  const record: Row = {};
  const changes: string[] = [];
  for (const [field, column] of plan.columnOf) {
    const definition = plan.definition.columns[field];
    const text = row[column] ?? null;
    if (definition === undefined) continue;
    const { value, change } = convert(text, definition, facts.get(column) ?? { type: '' }, options);
    if (value !== undefined) record[field] = value;
    if (change !== null) changes.push(`${field}: ${change}`);
  }
  return { record: completed(plan, record, options, changes), changes };
}

function completed(plan: Plan, record: Row, { idPrefix }: MappingOptions, changes: string[]): Row {
  const { columns, key, name } = plan.definition;
  const whole = name === 'system_config' ? withSwitch(record, changes) : { ...record };
  // Whoever made a record changed it last, as far as the earlier database knows.
  if (columns.updated_at !== undefined && whole.updated_at === undefined && whole.created_at !== undefined) {
    whole.updated_at = whole.created_at;
  }
  if (key === 'id') whole.id = idPrefix + String(whole.id ?? '');
  return whole;
}

const switches: Readonly<Record<string, string>> = {
  true: 'true',
  '1': 'true',
  on: 'true',
  yes: 'true',
  false: 'false',
  '0': 'false',
  off: 'false',
  no: 'false',
};

/** A configuration that is a switch, however it was written. */
function withSwitch(record: Row, changes: string[]): Row {
  const { config_type: type, config_value: value } = record;
  if (type !== 'boolean' || typeof value !== 'string') return { ...record };
  const word: Json = switches[value.trim().toLowerCase()] ?? value;
  if (word !== value) changes.push('config_value: a switch became true or false');
  return { ...record, config_value: word };
}
