/** The AsyncAPI 3.0 description of what the bus carries (contracts/src/changes.ts). Pure. */
import { batchBytesMax, batchChangesMax, changesEventType, entityNames, roles } from '@mindora/contracts';
import type { JsonSchema } from './schemas.ts';

/** The description of the events of a version. */
export function asyncApiDocument(version: string): JsonSchema {
  return {
    asyncapi: '3.0.0',
    info: {
      title: `Mindora changes (${version})`,
      version: '1',
      description:
        'States of records, in batches, as CloudEvents 1.0. A record is always in the same partition, so its states ' +
        'come in order; several changes of it may arrive as one. Applying is guarded by version: the newest stands.',
      license: { name: 'Apache-2.0' },
    },
    defaultContentType: 'application/cloudevents+json',
    channels: {
      changes: {
        address: 'changes.{partition}',
        description: 'A number of partitions that is fixed when the version is made',
        parameters: { partition: { description: 'Hash of entity and id' } },
        messages: { changes: { $ref: '#/components/messages/changes' } },
      },
    },
    operations: {
      publishChanges: operation('send', 'Capture publishes what the primary has committed'),
      applyChanges: operation('receive', 'A store applies a batch, then acknowledges it; one in flight a partition'),
    },
    components: { messages: { changes: message }, schemas: { Change: change, ChangesEvent: event } },
  };
}

function operation(action: 'send' | 'receive', summary: string): JsonSchema {
  const channel = { $ref: '#/channels/changes' };
  return { action, summary, channel, messages: [{ $ref: '#/channels/changes/messages/changes' }] };
}

const message: JsonSchema = {
  name: changesEventType,
  title: 'A batch of changes',
  contentType: 'application/cloudevents+json',
  payload: { $ref: '#/components/schemas/ChangesEvent' },
};

const change: JsonSchema = {
  type: 'object',
  description: 'The state of one record at one version',
  required: ['entity', 'id', 'version', 'state', 'row', 'stores'],
  properties: {
    entity: { type: 'string', enum: entityNames },
    id: { type: 'string', maxLength: 200 },
    version: { type: 'integer', minimum: 1 },
    state: {
      type: 'string',
      enum: ['present', 'deleted', 'by_key'],
      description: '`by_key`: too large for a batch, to be read from the primary',
    },
    row: {
      type: ['object', 'null'],
      description: 'Canonical values, without secret columns',
      additionalProperties: true,
    },
    stores: {
      type: ['array', 'null'],
      items: { type: 'string', enum: roles },
      description: 'Only these need it; null: every store that holds the entity',
    },
  },
};

const event: JsonSchema = {
  type: 'object',
  description: `At most ${batchBytesMax} bytes of JSON`,
  required: ['specversion', 'id', 'source', 'type', 'subject', 'time', 'datacontenttype', 'data'],
  properties: {
    specversion: { const: '1.0' },
    id: { type: 'string' },
    source: { type: 'string', format: 'uri-reference' },
    type: { const: changesEventType },
    subject: { type: 'string' },
    time: { type: 'string', format: 'date-time' },
    datacontenttype: { const: 'application/json' },
    data: {
      type: 'object',
      required: ['incarnation', 'partition', 'n', 'changes'],
      properties: {
        incarnation: { type: 'string', description: 'Another one: the bus lost its past, so stores reconcile' },
        partition: { type: 'integer', minimum: 0 },
        n: { type: 'integer', minimum: 1, description: 'Counts the batches of a partition; a gap means reconcile' },
        changes: {
          type: 'array',
          maxItems: batchChangesMax,
          items: { $ref: '#/components/schemas/Change' },
        },
      },
    },
  },
};
