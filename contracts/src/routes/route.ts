import { z } from 'zod';
import type { Json } from '../canonical.ts';
import type { Role } from '../definition.ts';
import type { ErrorCode } from '../errors.ts';
import './wording.ts';

/** Where a request names the user whom it concerns. */
export interface OwnerField {
  readonly in: 'params' | 'query' | 'body';
  readonly field: string;
  /** Where it is left out, one who isn't an administrator gets its own id, an administrator all users. */
  readonly optional?: boolean;
  /** The field holds several items, each with its own owner. */
  readonly items?: string;
}

export type Permission = 'ai_access' | 'data_analyze' | 'user_manage' | 'system_config';

/**
 * One REST route. The gateway, the OpenAPI description and the SDK are made from these; nothing else lists routes.
 */
export interface RouteDefinition {
  /** Also the Moleculer action that answers: called with `{params, query, body}`. */
  readonly action: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With `{name}` for parameters. */
  readonly path: string;
  readonly summary: string;
  /** IDs of requirements.md. */
  readonly requirement: string;
  readonly tag: string;
  readonly access: 'public' | 'authenticated';
  readonly permission?: Permission;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  readonly response: z.ZodType;
  readonly status: 200 | 201 | 202;
  /**
   * Checked by the gateway for one who isn't an administrator: the user named there must be the caller. Where a
   * route has none but touches records of users, its action holds the caller to its own (`meta.scope`).
   */
  readonly owner?: OwnerField;
  /** Changes the primary: refused in maintenance. */
  readonly writes: boolean;
  /** Changes who may call or what is admitted: the gateway forgets what it remembers of both. */
  readonly changesAccess?: boolean;
  /** Asks a model: refused where ai_api_enabled is false. */
  readonly asksModel?: boolean;
  /** The store it reads: a request with X-Mindora-After waits until that one holds the position. */
  readonly reads?: Role;
  readonly errors: readonly ErrorCode[];
}

/** Who calls, as the gateway hands it to actions in `meta`. */
export interface Principal {
  readonly userId: string;
  readonly role: 'admin' | 'user' | 'guest';
  readonly permissions: readonly string[];
}

/** `ctx.meta` of every action that the gateway calls. */
export interface CallMeta {
  readonly principal: Principal | null;
  readonly requestId: string;
  /** The user whose records may be seen and changed; null: an administrator, all of them. */
  readonly scope: string | null;
}

/** `ctx.params` of every action that the gateway calls. */
export interface CallParams<P = unknown, Q = unknown, B = unknown> {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
}

const mustBeWellFormed = 'must be well-formed Unicode without NUL';
/** Of every store: PostgreSQL refuses NUL, and half a surrogate pair has no UTF-8. */
const isStorable = (text: string): boolean => text.isWellFormed() && !text.includes('\0');

/** A string of at most so many characters that every store can hold (no lone surrogates, no NUL). */
export function text(lengthMin: number, lengthMax: number): z.ZodString {
  return z.string().min(lengthMin).max(lengthMax).refine(isStorable, mustBeWellFormed);
}

/** A field that may be left out; null says the same, as clients whose languages have no "left out" send it. */
export function optional<S extends z.ZodType>(schema: S) {
  return schema.nullish().transform((value) => value ?? undefined);
}

/** Clients resolve these away as steps of a path, so that no request could name such a record. */
export const isPathStep = (id: string): boolean => id === '.' || id === '..';

export const userIdField = text(1, 50)
  .refine((id) => !isPathStep(id), 'must not be . or ..')
  .describe('Id of a user');

/** A number that may come as its digits: a query has nothing but text. */
export function countField(least: number, most: number, standard: number) {
  return z.preprocess(countOf, z.int().min(least).max(most).default(standard));
}

function countOf(value: unknown): unknown {
  if (value === null) return undefined;
  return typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value;
}

export const limitField = (standard: number, most: number) =>
  countField(1, most, standard).describe(`How many at most (1-${most})`);
export const cursorField = optional(z.string().max(1000)).describe('`next` of the page before');

/** A time in canonical form: UTC with microseconds. */
export const timeField = z.string().describe('UTC with microseconds, YYYY-MM-DDTHH:MM:SS.ffffffZ');

/** JSON of any shape, in which every text and name is one that every store can hold. */
export const jsonField = z.json().refine(holdsStorable, mustBeWellFormed);

/** JSON objects of any shape. */
export const jsonObject = z.record(z.string().refine(isStorable, mustBeWellFormed), jsonField);

function holdsStorable(root: Json): boolean {
  const waiting: Json[] = [root];
  for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
    if (typeof value === 'string' && !isStorable(value)) return false;
    if (typeof value !== 'object' || value === null) continue;
    if (!Array.isArray(value) && !Object.keys(value).every(isStorable)) return false;
    for (const member of Object.values(value)) waiting.push(member);
  }
  return true;
}

/** A successful body: `status` beside the given fields; fields may be added later. */
export function success<S extends z.ZodRawShape>(shape: S) {
  return z.looseObject({ ...shape, status: z.literal('success') });
}

/** What a write answers beside its own fields. */
export const positionField = z.string().describe('Send it as X-Mindora-After to read your own write on any store');
