/** Positions and the label: one small entry, read past the index's refresh and merged by the engine itself. */
import type { StorePosition } from '../../port.ts';
import type { Layout } from './layout.ts';
import { type ElasticServer, shardTimeout } from './server.ts';

const entryId = 'state';
/** Partitions that write their positions at once each make the others try again. */
const conflictsMax = 100;

interface State {
  readonly label?: string | null;
  readonly positions?: Readonly<Record<string, { readonly incarnation: string; readonly n: number }>>;
}

export class StoreState {
  readonly #server: ElasticServer;
  readonly #index: Layout['state'];

  constructor(server: ElasticServer, { state }: Layout) {
    this.#server = server;
    this.#index = state;
  }

  async positions(): Promise<StorePosition[]> {
    const { positions = {} } = await this.#read();
    return Object.entries(positions).map(([partition, at]) => ({ ...at, partition: Number(partition) }));
  }

  async setPositions(positions: readonly StorePosition[]): Promise<void> {
    const entries = positions.map(({ partition, incarnation, n }) => [partition, { incarnation, n }] as const);
    await this.#merge({ positions: Object.fromEntries(entries) });
  }

  async label(): Promise<string | null> {
    return (await this.#read()).label ?? null;
  }

  setLabel(label: string | null): Promise<void> {
    return this.#merge({ label });
  }

  async #read(): Promise<State> {
    const answer = await this.#server.find((client) => client.get<State>({ index: this.#index.name, id: entryId }));
    return answer?._source ?? {};
  }

  async #merge(doc: State): Promise<void> {
    const entry = { index: this.#index.alias, id: entryId, require_alias: true };
    const request = { ...entry, doc, doc_as_upsert: true, retry_on_conflict: conflictsMax, timeout: shardTimeout };
    await this.#server.call((client) => client.update(request));
  }
}
