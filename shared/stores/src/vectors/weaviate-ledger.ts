/**
 * What sync must remember and no object can hold: tombstones, positions and the label, each an object of a class of
 * its own. The version of a record that lives is on its object, so that both are written at once.
 */
import type { EntityName } from '@mindora/contracts';
import { MindoraError } from '@mindora/runtime';
import { Filters, type FilterValue } from 'weaviate-client';
import type { StorePosition } from '../port.ts';
import { type NewObject, type ReadObject, type WeaviateClass, where } from './weaviate-class.ts';
import { uuidOf } from './weaviate-ids.ts';

export interface Tombstone {
  readonly version: number;
}

/** What is kept by name: the label, that a wipe has begun, and when each object was looked for in the index. */
export type MarkName = 'label' | 'wiping' | 'searched';

const lineProperties = ['kind', 'entity', 'name', 'number', 'text'];
const wanted = { properties: lineProperties, vector: false } as const;

export class WeaviateLedger {
  readonly class: WeaviateClass;

  constructor(ledgerClass: WeaviateClass) {
    this.class = ledgerClass;
  }

  /** Tombstones of an entity, by id. */
  async tombstones(entity: EntityName, ids: readonly string[]): Promise<Map<string, Tombstone>> {
    const uuids = ids.map((id) => tombstoneUuid(entity, id));
    const lines = await this.class.get(uuids, { properties: ['number'], vector: false });
    const found = new Map<string, Tombstone>();
    for (const [i, id] of ids.entries()) {
      const line = lines.get(uuids[i] ?? '');
      if (line !== undefined) found.set(id, { version: Number(line.properties.number) });
    }
    return found;
  }

  async bury(entity: EntityName, buried: readonly { id: string; version: number }[], at: number): Promise<void> {
    const lines = buried.map(({ id, version }) => {
      return line(tombstoneUuid(entity, id), { kind: 'tombstone', entity, name: id, number: version, at });
    });
    await this.#put(lines);
  }

  async unbury(entity: EntityName, ids: readonly string[]): Promise<void> {
    await this.class.remove(ids.map((id) => tombstoneUuid(entity, id)));
  }

  /** Forgets tombstones from before a time; how many. */
  forgetBuried(before: number): Promise<number> {
    const old = where('at').lessThan(before);
    return this.class.removeWhere(Filters.and(ofKind('tombstone'), old));
  }

  /** A page of the ledger in the order of UUIDs: ids of an entity's tombstones, and the UUID to go on after. */
  async page(entity: EntityName, after: string | null, limit: number): Promise<{ ids: string[]; next: string | null }> {
    const lines = await this.class.page(after, limit, { properties: ['kind', 'entity', 'name'], vector: false });
    const buried = lines.filter(({ properties: { kind, entity: of } }) => kind === 'tombstone' && of === entity);
    const ids = buried.map(({ properties }) => String(properties.name));
    return { ids, next: lines.length < limit ? null : (lines.at(-1)?.uuid ?? null) };
  }

  async positions(): Promise<StorePosition[]> {
    return (await this.class.find(ofKind('position'), wanted)).map(positionOf);
  }

  async setPositions(positions: readonly StorePosition[]): Promise<void> {
    await this.#put(positions.map(positionLine));
  }

  /** A batch that comes again after a crash doesn't take the position back; another incarnation counts anew. */
  async advance(positions: readonly StorePosition[]): Promise<void> {
    if (positions.length === 0) return;
    const uuids = positions.map(({ partition }) => positionUuid(partition));
    const held = await this.class.get(uuids, wanted);
    const known = new Map([...held].map(([uuid, line]) => [uuid, positionOf(line)]));
    const ahead = new Map<string, StorePosition>();
    for (const position of positions) {
      const uuid = positionUuid(position.partition);
      const here = ahead.get(uuid) ?? known.get(uuid);
      if (here?.incarnation !== position.incarnation || here.n < position.n) ahead.set(uuid, position);
    }
    await this.#put([...ahead.values()].map(positionLine), new Set(held.keys()));
  }

  async mark(name: MarkName): Promise<string | null> {
    const uuid = markUuid(name);
    const held = (await this.class.get([uuid], wanted)).get(uuid);
    return held === undefined ? null : String(held.properties.text ?? '');
  }

  async setMark(name: MarkName, text: string): Promise<void> {
    await this.#put([line(markUuid(name), { kind: 'mark', name, text })]);
  }

  /** `found`: UUIDs of lines that queries were seen to find; what is put in their place is found as well. */
  async #put(lines: readonly NewObject[], found: ReadonlySet<string> = new Set()): Promise<void> {
    const refused = await this.class.put(lines);
    if (refused.size > 0) throw new MindoraError('store_unavailable', 'Weaviate refuses a line of the ledger');
    await this.class.ensure(lines.filter(({ id }) => !found.has(id)));
  }
}

function line(id: string, properties: NewObject['properties']): NewObject {
  return { id, properties, vector: null };
}

function positionLine({ partition, incarnation, n }: StorePosition): NewObject {
  return line(positionUuid(partition), { kind: 'position', name: String(partition), number: n, text: incarnation });
}

function ofKind(kind: string): FilterValue {
  return where('kind').equal(kind);
}

function positionOf({ properties }: ReadObject): StorePosition {
  const { name, text, number } = properties;
  return { incarnation: String(text), partition: Number(name), n: Number(number) };
}

function tombstoneUuid(entity: EntityName, id: string): string {
  return uuidOf('tombstone', entity, id);
}

function positionUuid(partition: number): string {
  return uuidOf('position', String(partition));
}

function markUuid(name: MarkName): string {
  return uuidOf('mark', name);
}
