import { documentOf, type EntityName } from '@mindora/contracts';
import { assertItem, ContentError, documentCells, type Register, refusalOf } from '../embedded/index.ts';
import type { ApplyItem, ApplyResult } from '../port.ts';
import type { UserChange } from './user-file.ts';

/** What a batch does, settled before the first file is touched. */
export interface Plan {
  readonly results: readonly ApplyResult[];
  /** By user, in the order of the items. */
  readonly changes: ReadonlyMap<string, readonly UserChange[]>;
  /** What the register notes afterwards. */
  readonly items: readonly ApplyItem[];
}

interface Held {
  readonly version: number;
  readonly owner: string | null;
}

/** In whose files a record lies that sync did not put there. */
export type FindStrays = (entity: EntityName, id: string) => readonly string[];

/** Plans a batch: what is stale, what is refused, and what changes in whose file. */
export function planBatch(items: readonly ApplyItem[], register: Register, findStrays: FindStrays = () => []): Plan {
  const planner = new Planner(register, findStrays);
  const results = items.map((item) => planner.add(item));
  return { results, changes: planner.changes, items: planner.items };
}

class Planner {
  readonly changes = new Map<string, UserChange[]>();
  readonly items: ApplyItem[] = [];
  readonly #register: Register;
  readonly #findStrays: FindStrays;
  /** Records that the batch itself has changed so far. */
  readonly #held = new Map<string, Held>();

  constructor(register: Register, findStrays: FindStrays) {
    this.#register = register;
    this.#findStrays = findStrays;
  }

  add(item: ApplyItem): ApplyResult {
    const held = this.#heldOf(item.entity, item.id);
    if (held !== null && held.version > item.version) return { outcome: 'stale', version: held.version };
    try {
      assertPersonal(item);
    } catch (error) {
      const reason = refusalOf(error);
      if (reason === null) throw error;
      return { outcome: 'refused', reason };
    }
    this.#change(item, held);
    return { outcome: 'applied' };
  }

  #heldOf(entity: EntityName, id: string): Held | null {
    return this.#held.get(keyOf(entity, id)) ?? this.#register.line(entity, id);
  }

  #change(item: ApplyItem, held: Held | null): void {
    const { entity, id, version, document } = item;
    const strays = this.#findStrays(entity, id);
    // A tombstone doesn't say whose the record was; the register does, or the file where it strayed to.
    const owner = item.owner ?? held?.owner ?? strays[0] ?? null;
    for (const stray of strays) if (stray !== owner) this.#push(stray, { entity, id, document: null });
    if (held?.owner != null && held.owner !== owner) this.#push(held.owner, { entity, id, document: null });
    if (owner !== null) this.#push(owner, { entity, id, document });
    this.#held.set(keyOf(entity, id), { version, owner });
    this.items.push({ ...item, owner });
  }

  #push(owner: string, change: UserChange): void {
    const changes = this.changes.get(owner);
    if (changes === undefined) this.changes.set(owner, [change]);
    else changes.push(change);
  }
}

/** @throws ContentError where the store can't hold an item */
function assertPersonal(item: ApplyItem): void {
  assertItem('personal', item);
  if (item.document === null) return;
  const definition = documentOf('personal', item.entity);
  documentCells(definition, Object.entries(definition.fields), item.document);
  if (item.owner === null) throw new ContentError('the record has no owner');
  if (item.document.user_id !== item.owner) throw new ContentError('the document is of another user than the record');
  if (!item.owner.isWellFormed()) throw new ContentError('the owner is not valid Unicode');
}

function keyOf(entity: EntityName, id: string): string {
  return `${entity}\n${id}`;
}
