import type { Json, Row } from '@mindora/contracts';

/** What a path leads to; undefined where it leads nowhere. */
export type Value = Json | undefined;

/**
 * All values that a path leads to: through arrays it goes into every element that is an object, and by a number into
 * one element. The last value is given whole and, where it is an array, element by element as well.
 */
export function valuesAt(document: Row, path: readonly string[]): Value[] {
  const values: Value[] = [];
  collect(document, path, 0, values);
  return values;
}

function collect(value: Value, path: readonly string[], at: number, values: Value[]): void {
  if (at === path.length) {
    values.push(value);
    if (Array.isArray(value)) values.push(...value);
    return;
  }
  const name = path[at] ?? '';
  if (Array.isArray(value)) collectFromArray(value, name, path, at, values);
  // A path into a number or a text leads nowhere, which equals null.
  else collect(isObject(value) ? member(value, name) : undefined, path, at + 1, values);
}

function collectFromArray(items: readonly Json[], name: string, path: readonly string[], at: number, values: Value[]) {
  const index = /^\d{1,9}$/.test(name) ? Number(name) : items.length;
  if (index < items.length) collect(items[index], path, at + 1, values);
  for (const item of items) {
    if (isObject(item)) collect(member(item, name), path, at + 1, values);
  }
}

function isObject(value: Value): value is { [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function member(value: { [key: string]: Json }, name: string): Value {
  return Object.hasOwn(value, name) ? value[name] : undefined;
}
