/** Making, checking and removing the store's indices. */
import type { estypes } from '@elastic/elasticsearch';
import {
  type Analysis,
  analyses,
  type ContentIndex,
  contentBody,
  type Layout,
  layoutMark,
  stateBody,
} from './layout.ts';
import type { ElasticServer } from './server.ts';
import type { StoreState } from './state.ts';

/** Which analyzer texts are ranked by, and which the server would have for a new index. */
export interface AnalysisFound {
  readonly used: string;
  readonly offered: string;
}

export class Indices {
  readonly #server: ElasticServer;
  readonly #layout: Layout;
  readonly #state: StoreState;

  constructor(server: ElasticServer, layout: Layout, state: StoreState) {
    this.#server = server;
    this.#layout = layout;
    this.#state = state;
  }

  /**
   * Makes what is missing, and makes anew what was made for other definitions. Then the store isn't the one that sync
   * filled, so it loses its label first, and sync fills it again.
   */
  async migrate(): Promise<AnalysisFound> {
    const offered = await this.#best();
    const found = await Promise.all(this.#layout.contents.map((content) => this.#usable(content)));
    const missing = this.#layout.contents.filter((_, index) => found[index] === null);
    if (!(await this.#exists(this.#layout.state.alias))) await this.#create(this.#layout.state.name, this.#stateBody());
    else if (missing.length > 0) await this.#state.setLabel(null);
    for (const content of missing) {
      await this.#delete([content.name]);
      await this.#create(content.name, contentBody(content, offered));
    }
    const used = found.find((analysis) => analysis !== null) ?? offered.name;
    return { used, offered: offered.name };
  }

  /** Removes the store's own indices by their names, and nothing else. */
  async drop(): Promise<void> {
    const { contents, state } = this.#layout;
    // The label goes first: a store that is half removed must not look whole.
    await this.#delete([state.name]);
    await this.#delete(contents.map(({ name }) => name));
  }

  /** Whether all of them can be written. */
  async whole(): Promise<boolean> {
    const { contents } = this.#layout;
    const found = await Promise.all(contents.map(({ alias }) => this.#exists(alias)));
    return found.every((one) => one);
  }

  /** Settings that would lose what the engine acknowledged, with what to set. */
  async weakSettings(): Promise<string[]> {
    const names = [...this.#layout.contents, this.#layout.state].map(({ name }) => name);
    const answers = await this.#server.call((client) =>
      client.indices.getSettings({
        index: names,
        ignore_unavailable: true,
        flat_settings: true,
        include_defaults: true,
      }),
    );
    return Object.entries(answers).flatMap(([name, { settings, defaults }]) => {
      const flat = { ...defaults, ...settings } as Record<string, unknown>;
      const durability = String(flat['index.translog.durability'] ?? 'request').toLowerCase();
      if (durability === 'request') return [];
      return [`index.translog.durability of ${name} is ${durability}, must be request`];
    });
  }

  #stateBody(): Omit<estypes.IndicesCreateRequest, 'index'> {
    return stateBody(this.#layout);
  }

  /** The analyzer that an index was made with; null where there is none, or one for other definitions. */
  async #usable({ name, alias, ...content }: ContentIndex): Promise<string | null> {
    const answer = await this.#server.find((client) => client.indices.get({ index: name }));
    const index = answer?.[name];
    const made = index?.mappings?._meta;
    if (made?.layout !== layoutMark({ name, alias, ...content }) || !Object.hasOwn(index?.aliases ?? {}, alias)) {
      return null;
    }
    return String(made.analysis);
  }

  async #best(): Promise<Analysis> {
    for (const analysis of analyses) if (await this.#offers(analysis)) return analysis;
    return analyses[analyses.length - 1] as Analysis;
  }

  async #offers({ index, search }: Analysis): Promise<boolean> {
    for (const analyzer of new Set([index, search])) {
      if (!(await this.#server.accepts((client) => client.indices.analyze({ analyzer, text: '中文' })))) return false;
    }
    return true;
  }

  #exists(alias: string): Promise<boolean> {
    return this.#server.call((client) => client.indices.existsAlias({ name: alias }));
  }

  /** Refused where another process was faster, whose index is as good. */
  async #create(index: string, body: Omit<estypes.IndicesCreateRequest, 'index'>): Promise<void> {
    await this.#server.accepts((client) => client.indices.create({ index, ...body }));
  }

  async #delete(names: string[]): Promise<void> {
    await this.#server.call((client) => client.indices.delete({ index: names, ignore_unavailable: true }));
  }
}
