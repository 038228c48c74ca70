import { z } from 'zod';
import { type ColumnDefinition, type EntityDefinition, isScheduled, roles } from '../definition.ts';
import { type EntityName, entity, entityNames } from '../entities.ts';
import { passwordField } from './identity.ts';
import {
  countField,
  cursorField,
  isPathStep,
  jsonField,
  limitField,
  type Permission,
  positionField,
  type RouteDefinition,
  success,
  text,
  userIdField,
} from './route.ts';

/** Values that a client writes but never reads: what it sends, and the secret column that the service makes of it. */
export const writeOnly: Partial<Record<EntityName, { field: string; column: string; schema: z.ZodType }>> = {
  user: { field: 'password', column: 'password_hash', schema: passwordField },
  ai_service_config: { field: 'api_key', column: 'api_key_encrypted', schema: text(1, 1000) },
};

/** Entities with plain CRUD under /api/v1/admin/, by the name in the path. */
export const adminEntities: Readonly<Record<string, EntityName>> = Object.fromEntries(
  entityNames.filter((name) => entity(name).admin).map((name) => [entity(name).table, name]),
);

/** Plain values of a column, as a client sends them. */
export function columnSchema(column: ColumnDefinition): z.ZodType {
  const schema = plainSchema(column);
  return column.nullable === true ? schema.nullable() : schema;
}

function plainSchema(column: ColumnDefinition): z.ZodType {
  switch (column.type) {
    case 'string':
      return text(1, column.length ?? 200);
    case 'text':
      return text(0, 100_000);
    case 'json':
      return jsonField;
    case 'integer':
      return z.int().min(-2_147_483_648).max(2_147_483_647);
    case 'float':
      return z.number();
    case 'boolean':
      return z.boolean();
    case 'time':
      return z.iso.datetime();
    case 'date':
      return z.iso.date();
    case 'enum':
      return z.enum([...(column.values ?? [])] as [string, ...string[]]);
    case 'decimal':
      return decimalSchema(column.precision ?? 15, column.scale ?? 2);
  }
}

function decimalSchema(precision: number, scale: number): z.ZodType {
  const pattern = new RegExp(`^-?\\d{1,${precision - scale}}(\\.\\d{1,${scale}})?$`);
  const exact = z
    .string()
    .regex(pattern, `must be a decimal with at most ${precision - scale} digits and ${scale} decimals`);
  return z
    .union([exact, z.number()])
    .transform((value) => String(value))
    .pipe(exact)
    .describe(`Decimal (${precision},${scale}) as a string`);
}

const emailField = text(3, 255).regex(/^[^\s@]+@[^\s@]+$/, 'must be an email address');

function writable(definition: EntityDefinition): Record<string, z.ZodType> {
  const shape: Record<string, z.ZodType> = {};
  for (const [name, column] of Object.entries(definition.columns)) {
    if (column.managed === true || column.secret === true) continue;
    const optional = column.nullable === true || column.default !== undefined;
    shape[name] = optional ? columnSchema(column).optional() : columnSchema(column);
  }
  const key = shape[definition.key];
  if (key !== undefined) shape[definition.key] = key.refine((id) => !isPathStep(String(id)), 'must not be . or ..');
  if (definition.name === 'user') shape.email = emailField;
  const secret = writeOnly[definition.name as EntityName];
  if (secret !== undefined) shape[secret.field] = secret.schema.optional();
  return shape;
}

/** Body of a create. */
export function createSchema(name: EntityName): z.ZodObject {
  return z.strictObject(writable(entity(name)));
}

/** Body of an update: what may change, all optional, the key and the owner left out. */
export function updateSchema(name: EntityName): z.ZodType {
  const definition = entity(name);
  const shape = writable(definition);
  delete shape[definition.key];
  if (definition.owner !== undefined) delete shape[definition.owner];
  return z
    .strictObject(shape)
    .partial()
    .refine((change) => Object.keys(change).length > 0, 'nothing to change');
}

const permissionOf: Partial<Record<EntityName, Permission>> = {
  user: 'user_manage',
  permission: 'user_manage',
  role_permission: 'user_manage',
};

/** What decides who may call, and what is admitted. */
const decideAccess: ReadonlySet<EntityName> = new Set(['user', 'permission', 'role_permission', 'system_config']);

/** By the database that the records go to: one list of all would be too long for a page to show at once. */
function shelfOf({ stores }: EntityDefinition): { tag: string; requirement: string } {
  const [role] = stores;
  if (role === undefined || stores.length > 1 || !isScheduled(role)) return { tag: 'admin', requirement: 'A2.1' };
  const requirement = { identity: 'A2.9', governance: 'A2.10', credit: 'A2.11' }[role];
  return { tag: `admin-${role}`, requirement };
}

function crudRoutes(name: EntityName): RouteDefinition[] {
  const definition = entity(name);
  const path = `/api/v1/admin/${definition.table}`;
  const item = z.looseObject({});
  const one = z.strictObject({ id: text(1, 200) });
  const base = {
    ...shelfOf(definition),
    access: 'authenticated',
    permission: permissionOf[name] ?? 'system_config',
    status: 200,
  } as const;
  const about = definition.about.toLowerCase();
  const changesAccess = decideAccess.has(name);
  return [
    {
      ...base,
      action: `config.${name}.list`,
      method: 'GET',
      path,
      summary: `List: ${about}`,
      query: z.strictObject({ limit: limitField(50, 500), cursor: cursorField }),
      response: success({ items: z.array(item), next: z.string().nullable() }),
      writes: false,
      errors: ['invalid_cursor'],
    },
    {
      ...base,
      action: `config.${name}.create`,
      method: 'POST',
      path,
      summary: `Create: ${about}`,
      body: createSchema(name),
      response: success({ id: z.string(), item, position: positionField }),
      status: 201,
      writes: true,
      changesAccess,
      errors: ['conflict', 'user_erased'],
    },
    {
      ...base,
      action: `config.${name}.get`,
      method: 'GET',
      path: `${path}/{id}`,
      summary: `Read: ${about}`,
      params: one,
      response: success({ item }),
      writes: false,
      errors: ['not_found'],
    },
    {
      ...base,
      action: `config.${name}.update`,
      method: 'PATCH',
      path: `${path}/{id}`,
      summary: `Change: ${about}`,
      params: one,
      body: updateSchema(name),
      response: success({ item, position: positionField }),
      writes: true,
      changesAccess,
      errors: ['not_found', 'conflict'],
    },
    {
      ...base,
      action: `config.${name}.remove`,
      method: 'DELETE',
      path: `${path}/{id}`,
      summary: `Delete: ${about}`,
      params: one,
      response: success({ id: z.string(), position: positionField }),
      writes: true,
      changesAccess,
      errors: ['not_found'],
    },
  ];
}

const role = z.enum(roles);
const system = {
  tag: 'sync',
  access: 'authenticated',
  permission: 'system_config',
  status: 200,
  writes: false,
} as const;
const job = z.looseObject({
  id: z.string(),
  kind: z.enum(['verify', 'rebuild', 'erase']),
  state: z.enum(['running', 'done', 'failed']),
  progress: z.looseObject({}).nullable(),
  result: z.looseObject({}).nullable(),
  problem: z.looseObject({ code: z.string(), detail: z.string() }).nullable(),
});
const parkedFilter = z.strictObject({
  store: role.optional(),
  entity: z.enum(entityNames).optional(),
  ids: z.array(text(1, 200)).max(1000).optional(),
});

/** What the CLI asks of a running version. */
const syncRoutes = [
  {
    ...system,
    action: 'sync.status',
    method: 'GET',
    path: '/api/v1/admin/sync/status',
    summary: 'Stores, positions, lag, parked records, health',
    requirement: 'A5.1',
    response: success({ sync: z.looseObject({}) }),
    errors: [],
  },
  {
    ...system,
    action: 'sync.verify',
    method: 'POST',
    path: '/api/v1/admin/sync/verify',
    summary: 'Start a comparison of every store with the primary; poll the job',
    requirement: 'A5.1',
    body: z.strictObject({
      stores: z.array(role).min(1).optional(),
      entities: z.array(z.enum(entityNames)).min(1).optional(),
      repair: z.boolean().default(false),
      dry_run: z.boolean().default(false),
      wait_ms: z.int().min(0).max(600_000).default(30_000).describe('How long to wait for what is on its way'),
    }),
    response: success({ job }),
    status: 202,
    errors: ['overloaded'],
  },
  {
    ...system,
    action: 'sync.rebuild',
    method: 'POST',
    path: '/api/v1/admin/sync/rebuild',
    summary: 'Wipe one store and fill it from the primary; poll the job',
    requirement: 'A4.6',
    body: z.strictObject({ store: role }),
    response: success({ job }),
    status: 202,
    errors: ['overloaded'],
  },
  {
    ...system,
    action: 'sync.erase',
    method: 'POST',
    path: '/api/v1/admin/sync/erase',
    summary: 'Remove a user from every store; poll the job for the certificate',
    requirement: 'A4.7',
    body: z.strictObject({ user_id: userIdField }),
    owner: { in: 'body', field: 'user_id' },
    response: success({ job }),
    status: 202,
    writes: true,
    changesAccess: true,
    errors: ['overloaded', 'conflict'],
  },
  {
    ...system,
    action: 'sync.job',
    method: 'GET',
    path: '/api/v1/admin/sync/jobs/{job_id}',
    summary: 'A job with its progress, and its result when it is done',
    requirement: 'A5.1',
    params: z.strictObject({ job_id: text(1, 100) }),
    query: z.strictObject({ wait_ms: countField(0, 20_000, 0) }),
    response: success({ job }),
    errors: ['not_found'],
  },
  {
    ...system,
    action: 'sync.touch',
    method: 'POST',
    path: '/api/v1/admin/sync/touch',
    summary: 'Send records to the stores again',
    requirement: 'A5.2',
    body: z.strictObject({
      entity: z.enum(entityNames),
      ids: z.array(text(1, 200)).min(1).max(10_000).optional(),
      store: role.optional(),
    }),
    response: success({ touched: z.int() }),
    errors: [],
  },
  {
    ...system,
    action: 'sync.parked',
    method: 'GET',
    path: '/api/v1/admin/sync/parked',
    summary: 'Records that a store refused',
    requirement: 'A4.5',
    query: z.strictObject({
      store: role.optional(),
      entity: z.enum(entityNames).optional(),
      limit: limitField(100, 1000),
    }),
    response: success({ parked: z.array(z.looseObject({})) }),
    errors: [],
  },
  {
    ...system,
    action: 'sync.replayParked',
    method: 'POST',
    path: '/api/v1/admin/sync/parked/replay',
    summary: 'Try refused records again',
    requirement: 'A4.5',
    body: parkedFilter,
    response: success({ replayed: z.int() }),
    errors: [],
  },
  {
    ...system,
    action: 'sync.dropParked',
    method: 'POST',
    path: '/api/v1/admin/sync/parked/drop',
    summary: 'Forget refused records; the store goes on without them, and verify names them',
    requirement: 'A4.5',
    body: parkedFilter,
    response: success({ dropped: z.int() }),
    errors: [],
  },
] as const satisfies readonly RouteDefinition[];

const configRoute = {
  action: 'config.value',
  method: 'GET',
  path: '/api/v1/ai/config/{config_key}',
  summary: 'A system configuration value; null where there is no active one',
  requirement: 'A1.11',
  tag: 'config',
  access: 'authenticated',
  params: z.strictObject({ config_key: text(1, 100) }),
  response: success({ config_key: z.string(), config_value: z.string().nullable() }),
  status: 200,
  writes: false,
  errors: [],
} as const satisfies RouteDefinition;

export const adminRoutes: readonly RouteDefinition[] = [
  configRoute,
  ...Object.values(adminEntities).flatMap(crudRoutes),
  ...syncRoutes,
];
