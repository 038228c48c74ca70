import type { Json } from '@mindora/contracts';
import type { Document } from 'mongodb';
import { encodeKey, noted } from './mongo-values.ts';
import type { DocumentFilter } from './port.ts';

const comparisons = new Set(['$eq', '$gt', '$gte', '$lt', '$lte']);

/**
 * Conditions that every match of a filter fulfils, in the server's language, so that it selects by its indexes and
 * sends little more than the matches. The filter itself decides afterwards, here: then it means the same on any engine,
 * regular expressions run in linear time, and objects are equal whatever the order of their keys. Left out is therefore
 * all that the server might see more narrowly: negations, null, structures, patterns, and numbers in paths.
 *
 * @param filter one that {@link parseFilter} has taken
 */
export function candidatesOf(filter: DocumentFilter): Document[] {
  return Object.entries(filter).flatMap(([name, value]) => {
    if (name === '$and') return (value as DocumentFilter[]).flatMap(candidatesOf);
    if (name === '$or') return alternatives(value as DocumentFilter[]);
    return name === '$nor' ? [] : fieldCandidates(name, value);
  });
}

function alternatives(parts: readonly DocumentFilter[]): Document[] {
  const branches = parts.map(candidatesOf);
  if (branches.some((branch) => branch.length === 0)) return [];
  return [{ $or: branches.map((branch) => ({ $and: branch })) }];
}

function fieldCandidates(name: string, value: Json): Document[] {
  const parts = name.split('.');
  if (noted.has(parts[0] ?? '') && name !== '_id') return [];
  if (parts.some((part) => /^\d+$/.test(part))) return [];
  const path = parts.map(encodeKey).join('.');
  if (isScalar(value)) return [{ [path]: { $eq: value } }];
  if (value === null || Array.isArray(value) || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([operator, operand]) => {
    const usable = comparisons.has(operator) ? isScalar(operand) : operator === '$in' && isScalars(operand);
    return usable ? [{ [path]: { [operator]: operand } }] : [];
  });
}

function isScalar(value: Json): boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

function isScalars(value: Json): boolean {
  return Array.isArray(value) && value.length > 0 && value.every(isScalar);
}
