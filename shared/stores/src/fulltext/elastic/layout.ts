/** The indices of the store: their names, settings and mappings, all made from the definitions in contracts. */
import { createHash } from 'node:crypto';
import type { estypes } from '@elastic/elasticsearch';
import { type DocumentDefinition, documentOf, type EntityName, entitiesOf, type FieldType } from '@mindora/contracts';

type Property = estypes.MappingProperty;
type Properties = Record<string, Property>;

/** How texts are divided into words: by one analyzer when indexing, by another one when searching. */
export interface Analysis {
  readonly name: 'ik' | 'smartcn' | 'cjk' | 'standard';
  readonly index: string;
  readonly search: string;
}

/** The best first (A2.15). Every server has the last. */
export const analyses: readonly Analysis[] = [
  { name: 'ik', index: 'ik_max_word', search: 'ik_smart' },
  { name: 'smartcn', index: 'smartcn', search: 'smartcn' },
  { name: 'cjk', index: 'cjk', search: 'cjk' },
  { name: 'standard', index: 'standard', search: 'standard' },
];

/** One collection's index. */
export interface ContentIndex {
  readonly entity: EntityName;
  readonly definition: DocumentDefinition;
  readonly name: string;
  /** What is written to. The engine makes an index that is missing by guessing, but never an alias. */
  readonly alias: string;
  /** The fields that are searched. */
  readonly texts: readonly string[];
}

/** All names of a store in an engine that others may use too. */
export interface Layout {
  readonly contents: readonly ContentIndex[];
  /** Where positions and the label are kept. */
  readonly state: { readonly name: string; readonly alias: string };
}

/** The layout under a namespace, e.g. "jobfirst_future_" (A3). */
export function layoutOf(namespace: string): Layout {
  const state = `${namespace}fulltext_state`;
  return {
    contents: entitiesOf('fulltext').map((entity) => contentOf(namespace, entity)),
    state: { name: state, alias: aliasOf(state) },
  };
}

function contentOf(namespace: string, entity: EntityName): ContentIndex {
  const definition = documentOf('fulltext', entity);
  const name = `${namespace}${definition.collection}`;
  const texts = Object.entries(definition.fields).filter(([, type]) => type === 'text');
  return { entity, definition, name, alias: aliasOf(name), texts: texts.map(([field]) => field) };
}

function aliasOf(name: string): string {
  return `${name}_write`;
}

/** A term has at most 32,766 bytes, a character at most four; longer values are kept, but not found by a filter. */
const keywordLengthMax = 8_191;
const keyword: Property = { type: 'keyword', ignore_above: keywordLengthMax };
const text: Property = { type: 'text', analyzer: 'whitespace' };
const long: Property = { type: 'long' };

/** Whether a filter by this value can find anything. */
export function isFindable(value: string): boolean {
  return value.isWellFormed() && value.length <= keywordLengthMax;
}

/** What sync keeps of a record beside its document. Epoch milliseconds. */
const syncFields: Properties = {
  version: long,
  deleted: { type: 'boolean' },
  deleted_at: long,
  expires_at: long,
};

const properties: Readonly<Record<FieldType, (analysis: Analysis) => Property>> = {
  keyword: () => keyword,
  keywords: () => keyword,
  text: ({ index, search }) => ({ type: 'text', analyzer: index, search_analyzer: search }),
  // Kept, not indexed (A2.15): any JSON, whatever its keys.
  json: () => ({ type: 'object', enabled: false }),
  float: () => ({ type: 'double' }),
  integer: () => long,
  decimal: () => keyword,
  // A date has milliseconds only; the order is that of the exact text.
  time: () => ({
    type: 'date',
    ignore_malformed: true,
    fields: { exact: { type: 'keyword', ignore_above: 64, null_value: '' } },
  }),
  boolean: () => ({ type: 'boolean' }),
  vector: () => ({ type: 'keyword', index: false, doc_values: false }),
};

/** Raised when anything of the layout changes that the mapping doesn't show, e.g. how tokens are made. */
const generation = 1;

/** What an index is made with. `_meta` says by what, so that a later version knows whether it is still right. */
export function contentBody(content: ContentIndex, analysis: Analysis): Omit<estypes.IndicesCreateRequest, 'index'> {
  return {
    settings: settings(),
    aliases: { [content.alias]: {} },
    mappings: {
      dynamic: 'strict',
      _meta: { layout: layoutMark(content), analysis: analysis.name },
      // What is found by is made from the document, so it isn't kept a second time.
      _source: { excludes: ['tokens'] },
      properties: contentProperties(content, analysis),
    },
  };
}

function settings(): estypes.IndicesIndexSettings {
  return {
    number_of_shards: 1,
    number_of_replicas: 0,
    // Said although it is the default: an index that isn't searched for a while would otherwise stop refreshing.
    refresh_interval: '1s',
    translog: { durability: 'request' },
  };
}

function contentProperties({ definition, texts }: ContentIndex, analysis: Analysis): Properties {
  const fields = Object.entries(definition.fields).map(([field, type]) => [field, properties[type](analysis)] as const);
  const tokens = texts.map((field) => [field, text] as const);
  return {
    ...Object.fromEntries(fields),
    sync: { dynamic: 'strict', properties: syncFields },
    tokens: { dynamic: 'strict', properties: { ...Object.fromEntries(tokens), of: { type: 'keyword' } } },
  };
}

/** Names what an index was made for, whichever analyzer the server had. */
export function layoutMark(content: ContentIndex): string {
  const made = JSON.stringify([generation, contentProperties(content, { name: 'ik', index: '', search: '' })]);
  return createHash('sha256').update(made).digest('hex').slice(0, 16);
}

export function stateBody({ state }: Layout): Omit<estypes.IndicesCreateRequest, 'index'> {
  return { settings: settings(), aliases: { [state.alias]: {} }, mappings: { dynamic: false, properties: {} } };
}
