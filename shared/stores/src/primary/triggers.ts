/**
 * The triggers that keep the ledger (architecture, rules 2 and 3): made from the definitions, compared with what is
 * there at every start, because a rebuilt table has lost its own.
 */
import { type EntityDefinition, type EntityName, entity, entityNames } from '@mindora/contracts';
import type { Dialect, TriggerDefinition, TriggerStep } from './dialect.ts';
import { adoptRows, markEntity } from './marking.ts';
import { type Connection, quote } from './sql.ts';

const prefix = '_ledger_';

function displaced(definition: EntityDefinition, dialect: Dialect): TriggerStep[] {
  return [...definition.uniques, ...dialect.hiddenUniques].map((columns) => ({ step: 'touch_displaced', columns }));
}

/** The triggers of one entity. */
export function triggersOf(name: EntityName, dialect: Dialect): TriggerDefinition[] {
  const definition = entity(name);
  const owner: TriggerStep[] =
    definition.owner === undefined ? [] : [{ step: 'refuse_owner_change', owner: definition.owner }];
  const before = [...owner, ...displaced(definition, dialect)];
  const touchNew: TriggerStep = { step: 'touch', row: 'NEW' };
  const made: [TriggerDefinition['time'], TriggerDefinition['event'], TriggerStep[]][] = [
    ['BEFORE', 'INSERT', before],
    ['BEFORE', 'UPDATE', before],
    ['AFTER', 'INSERT', [touchNew]],
    ['AFTER', 'UPDATE', [touchNew, { step: 'touch', row: 'OLD', moved: true }]],
    ['AFTER', 'DELETE', [{ step: 'touch', row: 'OLD' }]],
  ];
  return made
    .filter(([, , steps]) => steps.length > 0)
    .map(([time, event, steps]) => ({
      name: `${prefix}${name}_${time}_${event}`.toLowerCase(),
      entity: name,
      table: definition.table,
      key: definition.key,
      time,
      event,
      steps,
    }));
}

/**
 * Makes the triggers equal to the definitions. An entity that lacked one has all its records marked, and rows that
 * the ledger doesn't know adopted, in the same transaction: anything may have happened without the trigger.
 *
 * @returns the entities that were marked
 */
export async function ensureTriggers(connection: Connection, dialect: Dialect): Promise<EntityName[]> {
  await connection.begin('write');
  try {
    const existing = await dialect.triggers(connection);
    const mended: EntityName[] = [];
    for (const name of entityNames) {
      if (await ensureTriggersOf(connection, dialect, name, existing)) mended.push(name);
    }
    for (const name of existing.keys()) {
      if (name.startsWith(prefix)) await connection.run(`DROP TRIGGER ${quote(name)}`);
    }
    await connection.commit();
    return mended;
  } finally {
    await connection.rollback();
  }
}

/** Takes what it has dealt with out of `existing`. */
async function ensureTriggersOf(
  connection: Connection,
  dialect: Dialect,
  name: EntityName,
  existing: Map<string, string>,
): Promise<boolean> {
  let mended = false;
  for (const definition of triggersOf(name, dialect)) {
    const text = dialect.trigger(definition);
    const present = existing.get(definition.name);
    existing.delete(definition.name);
    if (present === text) continue;
    if (present !== undefined) await connection.run(`DROP TRIGGER ${quote(definition.name)}`);
    await connection.run(text);
    mended = true;
  }
  if (mended) {
    await markEntity(connection, dialect, name, null);
    await adoptRows(connection, dialect, name);
  }
  return mended;
}
