/** The classes: made from the definitions of documents, compared with what is there. */
import { type DocumentDefinition, documentOf, type EntityName, entitiesOf, type FieldType } from '@mindora/contracts';
import { MindoraError } from '@mindora/runtime';
import type { WeaviateConnection } from './weaviate-connection.ts';

/** Ours on every object: what version it is of, and until when queries see it. */
export const versionProperty = 'mindoraVersion';
export const expiryProperty = 'mindoraExpiresAt';
/** Whose an object is, in both classes. */
export const userProperty = 'userId';

/** A time with all its digits; the client gives `date` values in milliseconds only. */
export function exactProperty(field: string): string {
  return `${field}Exact`;
}

/** The seed's figures (A6.2). */
const index = { distance: 'cosine', efConstruction: 200, maxConnections: 16, ef: 50 } as const;
/** Raised where objects of the layout before can't be read any more. */
const layout = 1;

interface Property {
  readonly name: string;
  readonly dataType: readonly string[];
  readonly tokenization?: string;
  readonly indexFilterable: boolean;
  readonly indexSearchable: boolean;
}

interface ClassText {
  readonly class: string;
  readonly description: string;
  readonly vectorIndexConfig?: Readonly<Record<string, unknown>>;
  readonly properties?: readonly Partial<Property>[];
}

export type SchemaState = 'whole' | 'absent' | 'other';

export class WeaviateSchema {
  readonly #connection: WeaviateConnection;
  readonly #ledger: ClassText;
  readonly #classes: readonly ClassText[];

  /** @param prefix of the names of classes, where several versions share a server */
  constructor(connection: WeaviateConnection, prefix: string, dimensions: number) {
    this.#connection = connection;
    const content = entitiesOf('vectors').map((entity) => contentClass(prefix, entity, dimensions));
    this.#ledger = ledgerClass(prefix);
    this.#classes = [...content, this.#ledger];
  }

  /** `other` where a class is missing or made otherwise: what the rest holds can't be trusted to be complete. */
  async state(): Promise<SchemaState> {
    const found = await this.#found();
    if (found.every((one) => one === null)) return 'absent';
    return found.every((one, i) => one !== null && isAlike(one, this.#classes[i])) ? 'whole' : 'other';
  }

  /** Makes what is missing. */
  create(): Promise<void> {
    return this.#make(this.#classes);
  }

  createLedger(): Promise<void> {
    return this.#make([this.#ledger]);
  }

  /** Removes the classes of content, and makes them anew. */
  async empty(): Promise<void> {
    const contents = this.#classes.filter((one) => one !== this.#ledger);
    for (const one of contents) await this.#drop(one.class);
    await this.#make(contents);
  }

  /** Removes the ledger, and makes it anew. */
  async emptyLedger(): Promise<void> {
    await this.#drop(this.#ledger.class);
    await this.createLedger();
  }

  /** Removes everything. */
  async drop(): Promise<void> {
    for (const one of this.#classes) await this.#drop(one.class);
  }

  /** Sets what may be changed in place. */
  async tune(): Promise<void> {
    for (const [i, one] of (await this.#found()).entries()) {
      const wanted = this.#classes[i]?.vectorIndexConfig;
      if (one === null || wanted?.ef === undefined || one.vectorIndexConfig?.ef === wanted.ef) continue;
      const changed = { ...one, vectorIndexConfig: { ...one.vectorIndexConfig, ef: wanted.ef } };
      await this.#connection.demand('PUT', `/schema/${one.class}`, changed);
    }
  }

  /** Vectors that wait to be indexed, where the engine does it later. */
  async unindexed(): Promise<number> {
    const { nodes = [] } = (await this.#connection.demand('GET', '/nodes?output=verbose')) as Nodes;
    const names = new Set(this.#classes.map((one) => one.class));
    const shards = nodes.flatMap((node) => node.shards ?? []).filter((shard) => names.has(shard.class));
    return shards.reduce((sum, shard) => sum + (shard.vectorQueueLength ?? 0), 0);
  }

  async #make(classes: readonly ClassText[]): Promise<void> {
    const found = await this.#found();
    const names = new Set(found.flatMap((one) => one?.class ?? []));
    for (const one of classes) if (!names.has(one.class)) await this.#connection.demand('POST', '/schema', one);
  }

  async #found(): Promise<(ClassText | null)[]> {
    const { classes = [] } = (await this.#connection.demand('GET', '/schema')) as { classes?: readonly ClassText[] };
    return this.#classes.map((one) => classes.find((found) => found.class === one.class) ?? null);
  }

  async #drop(name: string): Promise<void> {
    const { status } = await this.#connection.rest('DELETE', `/schema/${name}`);
    if (status >= 300 && status !== 404)
      throw new MindoraError('store_unavailable', `Weaviate keeps the class ${name}`);
  }
}

interface Nodes {
  readonly nodes?: readonly {
    readonly shards?: readonly { readonly class: string; readonly vectorQueueLength?: number }[] | null;
  }[];
}

/** What the names of a version's classes begin with. A class begins with a capital letter. */
export function classPrefix(namespace: string): string {
  if (namespace === '') return '';
  if (!/^[A-Za-z][A-Za-z0-9_]{0,99}$/.test(namespace)) {
    throw new MindoraError('invalid_request', 'the namespace must be letters, digits and underscores');
  }
  return namespace.charAt(0).toUpperCase() + namespace.slice(1);
}

export function contentClassName(prefix: string, entity: EntityName): string {
  return prefix + documentOf('vectors', entity).collection;
}

export function ledgerClassName(prefix: string): string {
  return `${prefix}MindoraLedger`;
}

function contentClass(prefix: string, entity: EntityName, dimensions: number): ClassText & object {
  return {
    class: contentClassName(prefix, entity),
    description: `Mindora layout ${layout}, vectors of ${dimensions}`,
    ...ownVectors,
    vectorIndexConfig: index,
    properties: contentProperties(documentOf('vectors', entity)),
  };
}

const ownVectors = { vectorizer: 'none', vectorIndexType: 'hnsw' } as const;

/** Tombstones, positions and the label: all that can't lie on an object. Nobody searches it by vectors. */
function ledgerClass(prefix: string): ClassText & object {
  return {
    class: ledgerClassName(prefix),
    description: `Mindora ledger layout ${layout}`,
    ...ownVectors,
    vectorIndexConfig: { skip: true },
    properties: [
      textProperty('kind', true),
      textProperty('entity', true),
      textProperty('name', false),
      { ...plain, name: 'number', dataType: ['int'] },
      textProperty('text', false),
      { ...plain, name: 'at', dataType: ['number'], indexFilterable: true },
    ],
  };
}

const plain = { indexFilterable: false, indexSearchable: false } as const;

function contentProperties({ fields }: DocumentDefinition): Property[] {
  const own: Property[] = [
    { ...plain, name: versionProperty, dataType: ['int'] },
    { ...plain, name: expiryProperty, dataType: ['number'], indexFilterable: true },
  ];
  return [...Object.entries(fields).flatMap(([field, type]) => propertiesOf(field, type)), ...own];
}

/** Long texts are not indexed: whoever looks for words asks the full-text store. */
function propertiesOf(field: string, type: FieldType): Property[] {
  switch (type) {
    case 'vector':
      return [];
    case 'float':
      return [{ ...plain, name: field, dataType: ['number'], indexFilterable: true }];
    case 'time':
      return [
        { ...plain, name: field, dataType: ['date'], indexFilterable: true },
        textProperty(exactProperty(field), false),
      ];
    default:
      return [textProperty(field, type === 'keyword')];
  }
}

/** Compared whole, but for white space around it: the engine cuts that off before it compares. */
function textProperty(name: string, filterable: boolean): Property {
  return { ...plain, name, dataType: ['text'], tokenization: 'field', indexFilterable: filterable };
}

/** Properties that somebody else added do no harm. */
function isAlike(found: ClassText, wanted: ClassText | undefined): boolean {
  if (wanted === undefined || found.description !== wanted.description) return false;
  const { ef: _changeable, ...fixed } = wanted.vectorIndexConfig ?? {};
  const sameIndex = Object.entries(fixed).every(([name, value]) => found.vectorIndexConfig?.[name] === value);
  const sameProperties = (wanted.properties ?? []).every((property) => {
    const there = found.properties?.find(({ name }) => name === property.name);
    return there?.dataType?.[0] === property.dataType?.[0] && there?.tokenization === property.tokenization;
  });
  return sameIndex && sameProperties;
}
