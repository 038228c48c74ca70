/**
 * Writing records, guarded by their versions.
 *
 * The engine's external versions guard in one step, as long as nobody else touches the index. They live longer than
 * `index.gc_deletes`, because a deleted record's entry stays as a tombstone until it is purged; only entries removed by
 * purge or by another hand are forgotten by the engine after that time, or remembered where they shouldn't be. So a
 * conflict isn't the last word: the entry is read, and what sync noted in it decides. Where that lets the item pass,
 * it is written on condition that the entry is still the one that was read.
 */
import type { estypes } from '@elastic/elasticsearch';
import type { ApplyItem, ApplyResult } from '../../port.ts';
import { entryJson, entryName, refusalOf, strayName, versionOf } from './entry.ts';
import type { ContentIndex } from './layout.ts';
import { type ElasticServer, shardTimeout, unavailable } from './server.ts';

/** Bytes of one request to the engine, which would take 100 MB, but not within the time that a request has. */
const requestBytes = 1024 * 1024;
/** Each time somebody else wrote the same record in between. */
const roundsMax = 20;

/** An item with its place in the batch. */
interface Open {
  readonly place: number;
  readonly item: ApplyItem;
  readonly content: ContentIndex;
}

/** One action of a request: two lines of it, and what to do with the answer. */
interface Action {
  readonly lines: readonly string[];
  readonly settle: (outcome: Outcome) => void;
}
type Outcome = 'done' | 'conflict' | { readonly reason: string };

/** The entry as it is: what sync noted, and the condition under which it is still that. */
interface Held {
  readonly version: number;
  readonly seqNo: number;
  readonly term: number;
}

export class Writes {
  readonly #server: ElasticServer;
  readonly #contents: ReadonlyMap<string, ContentIndex>;

  constructor(server: ElasticServer, contents: readonly ContentIndex[]) {
    this.#server = server;
    this.#contents = new Map(contents.map((content) => [content.entity, content]));
  }

  /** Applies items; results in their order. @throws MindoraError `store_unavailable`: some may have been applied */
  async apply(items: readonly ApplyItem[], now: number): Promise<ApplyResult[]> {
    const results: ApplyResult[] = [];
    const open: Open[] = [];
    for (const [place, item] of items.entries()) {
      const reason = refusalOf(item);
      const content = this.#contents.get(item.entity);
      if (reason === null && content !== undefined) open.push({ place, item, content });
      else results[place] = { outcome: 'refused', reason: reason ?? 'fulltext holds no such entity' };
    }
    await this.#removeStrays(open);
    let left = await this.#guarded(open, now, results);
    for (let round = 0; left.length > 0; round++) {
      if (round >= roundsMax) throw unavailable('others write the same records');
      left = await this.#compared(left, now, results);
    }
    return results;
  }

  /** By the engine's own guard; what it refuses for its version is left. */
  async #guarded(open: readonly Open[], now: number, results: ApplyResult[]): Promise<Open[]> {
    const left: Open[] = [];
    const actions = open.map((one): Action => {
      const { item, content } = one;
      const guard = { _id: entryName(item.id), version: item.version, version_type: 'external_gte' };
      return {
        lines: [JSON.stringify({ index: { _index: content.alias, ...guard } }), entryJson(content, item, now)],
        settle: (outcome) => {
          if (outcome === 'conflict') left.push(one);
          else results[one.place] = resultOf(outcome);
        },
      };
    });
    await this.#send(actions);
    return left;
  }

  /** By what sync noted; what somebody else wrote in between is left. */
  async #compared(open: readonly Open[], now: number, results: ApplyResult[]): Promise<Open[]> {
    const left: Open[] = [];
    const held = await this.#held(open);
    const actions: Action[] = [];
    for (const [name, rivals] of Map.groupBy(open, fullName)) {
      const newest = rivals.reduce((best, one) => (one.item.version >= best.item.version ? one : best));
      const entry = held.get(name);
      if (entry !== undefined && entry.version > newest.item.version) {
        for (const { place } of rivals) results[place] = { outcome: 'stale', version: entry.version };
        continue;
      }
      actions.push({
        lines: [JSON.stringify(conditional(newest, entry)), entryJson(newest.content, newest.item, now)],
        settle: (outcome) => {
          if (outcome === 'conflict') left.push(...rivals);
          else for (const rival of rivals) results[rival.place] = rivalResult(rival, newest, outcome);
        },
      });
    }
    await this.#send(actions);
    return left;
  }

  /** What stands in the index now, whether or not queries see it yet. */
  async #held(open: readonly Open[]): Promise<Map<string, Held>> {
    const byName = new Map(open.map((one) => [fullName(one), one]));
    const wanted = [...byName.values()];
    const docs = wanted.map(({ content, item }) => ({ _index: content.name, _id: entryName(item.id) }));
    const answer = await this.#server.call((client) => client.mget({ docs, _source_includes: ['sync'] }));
    const held = new Map<string, Held>();
    for (const [index, name] of [...byName.keys()].entries()) {
      const found = answer.docs[index];
      if (found === undefined || 'error' in found) throw unavailable('an entry could not be read');
      const { _seq_no: seqNo, _primary_term: term } = found;
      if (!found.found || seqNo === undefined || term === undefined) continue;
      // What sync didn't write stands in nobody's way.
      held.set(name, { version: versionOf(found._source) ?? 0, seqNo, term });
    }
    return held;
  }

  /** Entries that stand under a name of their own are no record's, so nothing but their absence is to be kept. */
  async #removeStrays(open: readonly Open[]): Promise<void> {
    const actions = open.flatMap(({ item, content }): Action[] => {
      const name = item.document === null ? strayName(item.id) : null;
      if (name === null) return [];
      return [{ lines: [JSON.stringify({ delete: { _index: content.alias, _id: name } })], settle: () => undefined }];
    });
    await this.#send(actions);
  }

  /** Removes entries if they are still those that were read; how many were removed. */
  async remove(content: ContentIndex, hits: readonly estypes.SearchHit<unknown>[]): Promise<number> {
    let removed = 0;
    const actions = hits.map(({ _id = '', _seq_no, _primary_term }): Action => {
      const condition = { if_seq_no: _seq_no, if_primary_term: _primary_term };
      return {
        lines: [JSON.stringify({ delete: { _index: content.alias, _id, ...condition } })],
        settle: (outcome) => {
          if (outcome === 'done') removed++;
        },
      };
    });
    await this.#send(actions);
    return removed;
  }

  /** In requests of bounded size. An item that the engine neither took nor refused fails all that is left. */
  async #send(actions: readonly Action[]): Promise<void> {
    for (const request of requestsOf(actions)) {
      const operations = request.flatMap(({ lines }) => lines);
      const answer = await this.#server.call((client) =>
        client.bulk({ operations, require_alias: true, timeout: shardTimeout }),
      );
      if (answer.items.length !== request.length) throw unavailable('an incomplete answer');
      for (const [index, action] of request.entries()) action.settle(outcomeOf(answer.items[index]));
    }
  }
}

function fullName({ item, content }: Open): string {
  return `${content.entity}\0${item.id}`;
}

function conditional({ item, content }: Open, held: Held | undefined): object {
  const entry = { _index: content.alias, _id: entryName(item.id) };
  if (held === undefined) return { create: entry };
  return { index: { ...entry, if_seq_no: held.seqNo, if_primary_term: held.term } };
}

function resultOf(outcome: Exclude<Outcome, 'conflict'>): ApplyResult {
  return outcome === 'done' ? { outcome: 'applied' } : { outcome: 'refused', reason: outcome.reason };
}

/** The result of an item beside the newest of the same record that was written in its place. */
function rivalResult(rival: Open, newest: Open, outcome: Exclude<Outcome, 'conflict'>): ApplyResult {
  if (rival === newest || outcome !== 'done' || rival.item.version === newest.item.version) return resultOf(outcome);
  return { outcome: 'stale', version: newest.item.version };
}

function* requestsOf(actions: readonly Action[]): Generator<readonly Action[]> {
  let request: Action[] = [];
  let bytes = 0;
  for (const action of actions) {
    const size = action.lines.reduce((sum, line) => sum + Buffer.byteLength(line), 0);
    if (request.length > 0 && bytes + size > requestBytes) {
      yield request;
      request = [];
      bytes = 0;
    }
    request.push(action);
    bytes += size;
  }
  if (request.length > 0) yield request;
}

/** @throws MindoraError `store_unavailable` where it isn't the content that the engine blames */
function outcomeOf(item: Partial<Record<string, estypes.BulkResponseItem>> | undefined): Outcome {
  const [answer] = Object.values(item ?? {});
  if (answer === undefined) throw unavailable('an incomplete answer');
  const { status, error } = answer;
  if (status < 300 || (status === 404 && error === undefined)) return 'done';
  if (status === 409) return 'conflict';
  const type = error?.type ?? 'unknown';
  if (status === 400 || status === 413) return { reason: `the engine refuses it (${type})` };
  throw unavailable(`${type}, status ${status}`);
}
