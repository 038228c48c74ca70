/** What the suites of the primary need of an engine. A test file chooses one before it imports the suites. */
import type { EntityName, Row } from '@mindora/contracts';
import type { Dialect } from '../../src/primary/dialect.ts';
import { openPrimary, type Primary, type PrimaryLocation } from '../../src/primary/index.ts';
import type { Mutation } from '../../src/primary/port.ts';

/** A connection that knows nothing of the engine, as another program would have it. */
export interface Raw {
  /** Statements, separated by semicolons. */
  exec(sql: string): Promise<void>;
  all(sql: string): Promise<Record<string, unknown>[]>;
  close(): Promise<void>;
}

/** An empty place for a primary. */
export interface Place {
  readonly location: PrimaryLocation;
  connect(): Promise<Raw>;
  remove(): Promise<void>;
}

/** An engine to be tested. */
export interface World {
  readonly name: string;
  readonly dialect: Dialect;
  newPlace(): Promise<Place>;
  /** The engine's own program for typing SQL, where there is one. */
  readonly shell: ((place: Place, sql: string) => Promise<void>) | null;
}

/** A primary in a place of its own. */
export interface TestPrimary extends Place {
  readonly primary: Primary;
  readonly raw: Raw;
  end(): Promise<void>;
}

let chosen: World | null = null;

/** The engine of this test file. */
export function choose(world: World): void {
  chosen = world;
}

/** What {@link choose} chose. */
export function world(): World {
  if (chosen === null) throw new Error('no engine was chosen');
  return chosen;
}

/** A migrated primary. */
export async function startPrimary(): Promise<TestPrimary> {
  const place = await world().newPlace();
  const primary = await openPrimary(place.location);
  await primary.migrate();
  const raw = await place.connect();
  return {
    ...place,
    primary,
    raw,
    async end() {
      await raw.close();
      await primary.close();
      await place.remove();
    },
  };
}

/** A conversation with all that is required. */
export function conversation(id: string, more: Row = {}): Mutation {
  const row = { id, user_id: 'u1', session_id: 's1', user_input: 'hello', ai_response: 'hi', model_name: 'm', ...more };
  return { op: 'insert', entity: 'conversation', row };
}

/** A user with all that is required. */
export function user(id: string, more: Row = {}): Mutation {
  return { op: 'insert', entity: 'user', row: { user_id: id, username: id, email: `${id}@example.com`, ...more } };
}

/** Marks everything as captured. */
export async function clearAll({ primary }: Pick<TestPrimary, 'primary'>): Promise<void> {
  await primary.ledger.clear(await primary.ledger.pending(100_000, Number.MAX_SAFE_INTEGER));
}

/** Versions of an entity's records, and which are pending, as a raw connection sees them. */
export async function ledgerOf(
  raw: Raw,
  entity: EntityName,
): Promise<Map<string, { version: number; pending: boolean }>> {
  const lines = await raw.all(`SELECT id, version, pending_since FROM _ledger WHERE entity = '${entity}'`);
  return new Map(
    lines.map((line) => [String(line.id), { version: Number(line.version), pending: line.pending_since !== null }]),
  );
}
