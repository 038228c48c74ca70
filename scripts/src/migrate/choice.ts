/**
 * Which rows a version takes. A row belongs to a user, or it is a setting. Settings go to every version; of users, a
 * version takes all, or those that a file names, or all but those.
 */
import { readFileSync } from 'node:fs';
import { MindoraError } from '@mindora/runtime';
import type { Plan } from './layout.ts';
import type { EarlierRow } from './mapping.ts';

export interface Choice {
  takes(userId: string): boolean;
}

/** @throws MindoraError `invalid_request` where both are given, `not_found` where there is no such file */
export function choiceOf(only: string | undefined, except: string | undefined): Choice {
  if (only !== undefined && except !== undefined) {
    throw new MindoraError('invalid_request', 'give --users or --except-users, not both');
  }
  if (only !== undefined) {
    const named = usersIn(only);
    return { takes: (userId) => named.has(userId) };
  }
  const others = except === undefined ? new Set<string>() : usersIn(except);
  return { takes: (userId) => !others.has(userId) };
}

/** One id a line; empty lines and what begins with `#` don't count. */
function usersIn(file: string): ReadonlySet<string> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new MindoraError('not_found', `no file ${file}`, { cause });
  }
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  return new Set(lines.filter((line) => line !== '' && !line.startsWith('#')));
}

/** Whether a version takes a row. A row whose user is not named belongs to nobody, and is refused by its schema. */
export function isChosen(choice: Choice, { definition, columnOf }: Plan, row: EarlierRow): boolean {
  const owner = definition.owner ?? (definition.name === 'user' ? definition.key : null);
  const userId = owner === null ? null : row[columnOf.get(owner) ?? owner];
  return typeof userId === 'string' ? choice.takes(userId) : true;
}
