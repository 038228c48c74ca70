/**
 * The triggers that keep the ledger (architecture, rules 2 and 3): made from the definitions, compared with what is
 * there at every start, because a rebuilt table has lost its own.
 */
import { type EntityDefinition, type EntityName, entity, entityNames } from '@mindora/contracts';
import type { Dialect, TriggerDefinition, TriggerStep } from './dialect.ts';
import { adoptRows, markEntity } from './marking.ts';
import { type Connection, inTransaction, quote, type Sql } from './sql.ts';

const prefix = '_ledger_';

function displaced(definition: EntityDefinition, dialect: Dialect): TriggerStep[] {
  return [...definition.uniques, ...dialect.hiddenUniques].map((columns) => ({ step: 'touch_displaced', columns }));
}

/** The triggers of one entity. */
export function triggersOf(name: EntityName, dialect: Dialect): TriggerDefinition[] {
  const definition = entity(name);
  const owner: TriggerStep[] =
    definition.owner === undefined ? [] : [{ step: 'refuse_owner_change', owner: definition.owner }];
  // On a server, what a statement displaces fires the delete triggers.
  const before = [...owner, ...(dialect.isServer ? [] : displaced(definition, dialect))];
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
 * the ledger doesn't know adopted: anything may have happened without the trigger.
 *
 * On a server, each change of a trigger is a commit of its own. That an entity has to be marked is noted before its
 * first trigger is touched, so a start that dies in between is made good by the next one.
 *
 * @returns the entities that were marked
 */
export async function ensureTriggers(connection: Connection, dialect: Dialect): Promise<EntityName[]> {
  if (dialect.isServer) await remakeTriggers(connection, dialect);
  return inTransaction(connection, async () => {
    if (!dialect.isServer) await remakeTriggers(connection, dialect);
    const noted = await notedEntities(connection);
    for (const name of noted) {
      await markEntity(connection, dialect, name);
      await adoptRows(connection, dialect, name);
      await connection.run('DELETE FROM "_meta" WHERE "name" = ?', [noteOf(name)]);
    }
    return noted;
  });
}

const noteOf = (name: EntityName): string => `mend:${name}`;

async function notedEntities(sql: Sql): Promise<EntityName[]> {
  const rows = await sql.all('SELECT "name" FROM "_meta"');
  const names = new Set(rows.map((row) => row.name));
  return entityNames.filter((name) => names.has(noteOf(name)));
}

async function remakeTriggers(sql: Sql, dialect: Dialect): Promise<void> {
  const existing = await dialect.triggers(sql);
  const noted = new Set(await notedEntities(sql));
  for (const name of entityNames) {
    const wrong = triggersOf(name, dialect).filter((it) => existing.get(it.name) !== dialect.trigger(it));
    if (wrong.length > 0 && !noted.has(name)) {
      await sql.run('INSERT INTO "_meta" ("name", "value") VALUES (?, ?)', [noteOf(name), '']);
    }
    for (const it of wrong) await remake(sql, dialect.trigger(it), existing.has(it.name) ? it.name : null);
    for (const it of triggersOf(name, dialect)) existing.delete(it.name);
  }
  for (const name of existing.keys()) if (name.startsWith(prefix)) await sql.run(`DROP TRIGGER ${quote(name)}`);
}

async function remake(sql: Sql, text: string, present: string | null): Promise<void> {
  if (present !== null) await sql.run(`DROP TRIGGER ${quote(present)}`);
  await sql.run(text);
}
