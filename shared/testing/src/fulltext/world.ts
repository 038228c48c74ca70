import { afterAll, beforeAll, expect } from '@jest/globals';
import type { EntityName, Row } from '@mindora/contracts';
import type { FullTextStore, TextPage, TextQuery } from '@mindora/stores';

/** What a suite of searches needs of an engine. */
export interface FullTextDriver {
  /** A new, empty, migrated store. */
  open(): Promise<FullTextStore>;
  /** After the store was closed. */
  clean(): Promise<void>;
}

export function conversation(id: string, userInput: string, more: Row = {}): Row {
  return {
    conversation_id: id,
    user_id: 'u1',
    session_id: 's1',
    user_input: userInput,
    ai_response: '',
    model_name: 'm',
    created_at: '2026-01-01T00:00:00.000000Z',
    tags: ['conversation'],
    metadata: { hidden: 'metadataword' },
    ...more,
  };
}

export function analysis(id: string, input: string, more: Row = {}): Row {
  return {
    analysis_id: id,
    user_id: 'u1',
    analysis_type: 'cv',
    input_content: input,
    analysis_result: '',
    confidence_score: 0.5,
    processing_time: 1,
    created_at: '2026-01-01T00:00:00.000000Z',
    tags: [],
    metadata: null,
    ...more,
  };
}

const everything = {
  entity: 'conversation',
  userId: null,
  analysisType: null,
  limit: 200,
  sort: 'newest',
  after: null,
} as const;

/** One store for a file of tests, and short words for what they do with it. */
export class FullTextWorld {
  #store: FullTextStore | null = null;
  #version = 0;

  /** Opens the store before the tests of the enclosing block and closes it after them. */
  constructor(driver: FullTextDriver) {
    beforeAll(async () => {
      this.#store = await driver.open();
    });
    afterAll(async () => {
      await this.#store?.close();
      await driver.clean();
    });
  }

  get store(): FullTextStore {
    if (this.#store === null) throw new Error('the store is not open');
    return this.#store;
  }

  /** Puts documents under new versions, visible to queries. */
  async put(entity: EntityName, documents: readonly Row[], expiresAt: number | null = null): Promise<void> {
    this.#version += 1;
    const items = documents.map((document) => {
      const id = String(document[entity === 'conversation' ? 'conversation_id' : 'analysis_id']);
      return { entity, id, version: this.#version, owner: null, document, expiresAt };
    });
    const results = await this.store.apply({ items, positions: [] });
    expect(results).toEqual(items.map(() => ({ outcome: 'applied' })));
    await this.store.refresh();
  }

  search(query: string, more: Partial<TextQuery> = {}): Promise<TextPage> {
    return this.store.search({ ...everything, query, ...more });
  }

  /** The ids that a search finds, in its order. */
  async found(query: string, more: Partial<TextQuery> = {}): Promise<string[]> {
    const key = more.entity === 'analysis' ? 'analysis_id' : 'conversation_id';
    const { hits } = await this.search(query, more);
    return hits.map(({ document }) => String(document[key]));
  }

  /** Puts one document as the only one of its user and asks whether a query finds it. */
  async finds(text: string, query: string): Promise<boolean> {
    await this.put('conversation', [conversation('only', text, { user_id: 'alone' })]);
    return (await this.found(query, { userId: 'alone' })).length === 1;
  }

  /** The excerpt of a text that is the only one of its user, with brackets for marks. */
  async excerpt(text: string, query: string): Promise<string | undefined> {
    await this.put('conversation', [conversation('only', text, { user_id: 'alone' })]);
    const { hits } = await this.search(query, { userId: 'alone' });
    return hits[0]?.highlight.user_input?.replaceAll('\uE000', '[').replaceAll('\uE001', ']');
  }
}
