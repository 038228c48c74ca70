import { assertLimit } from '../embedded/index.ts';
import { assertVector, best, isSettled, neighboursMax, scoreOf } from './neighbours.ts';
import type { NearestQuery, Neighbour } from './port.ts';
import { type ReadObject, where } from './weaviate-class.ts';
import { headOf, headProperties, toFound } from './weaviate-documents.ts';
import type { ContentClass } from './weaviate-reader.ts';
import { exactProperty, userProperty } from './weaviate-schema.ts';

/** So many candidates make the search as wide: the index looks at no fewer than are asked for. */
const candidatesMin = 100;
const candidatesMax = 4_096;

/** Best first, equal scores by id. The index is approximate: few of the best may be missing. */
export async function nearestIn(
  content: ContentClass,
  query: NearestQuery,
  dimensions: number,
  now: number,
): Promise<Neighbour[]> {
  assertLimit(query.limit, neighboursMax);
  assertVector(query.vector, dimensions);
  const { definition } = content;
  const times = Object.keys(definition.fields).filter((field) => definition.fields[field] === 'time');
  const fields = Object.keys(definition.fields).filter((field) => definition.fields[field] !== 'vector');
  const properties = [...new Set([...fields, ...times.map(exactProperty), ...headProperties(definition)])];
  const filter = query.userId === null ? null : where(userProperty).equal(query.userId);
  // What is expired, and equal distances at the end, make it look further than the limit.
  for (let wanted = Math.max(query.limit + 1, candidatesMin); ; wanted *= 2) {
    const limit = Math.min(wanted, candidatesMax);
    const found = await content.class.nearest({ vector: query.vector, limit, filter, properties });
    const neighbours = found.flatMap((object) => neighbourOf(content, query, object, now));
    const complete = found.length < limit || limit === candidatesMax;
    if (complete || isSettled(neighbours, query.limit)) return best(neighbours, query.limit);
  }
}

function neighbourOf(
  { definition }: ContentClass,
  { userId }: NearestQuery,
  object: ReadObject,
  now: number,
): Neighbour[] {
  const { key: id, expiresAt } = headOf(definition, object);
  if (id === null || (expiresAt !== null && expiresAt <= now)) return [];
  // The engine compares without white space at the ends.
  if (userId !== null && object.properties[userProperty] !== userId) return [];
  const { vector: _vector, ...document } = toFound(definition, id, object).document;
  return [{ id, score: scoreOf(object.distance ?? 1), document }];
}
