/** Damage that a person (or a bug) does to a version's data with the engines' own shells, behind sync's back. */
import type { DriftKind, EntityName, Role } from '@mindora/contracts';
import type { Files } from './files.ts';

/** What must be said of a record that was damaged. */
export interface Expected {
  readonly store: Role;
  readonly entity: EntityName;
  readonly id: string;
  readonly kind: DriftKind;
  /**
   * Who takes over partitions of a store that can't guard versions compares them first (rule 10), and mends this unasked:
   * whoever looks in a new process may or may not find it.
   */
  readonly endsAtTakeover?: boolean;
}

/** One damage; doing it tells what verify has to find. */
export interface Damage {
  readonly about: string;
  harm(): Promise<Expected>;
}

/** What records the damages are done to: a fresh one each. */
export interface Material {
  /** A conversation that lives, each call another one, and its user. */
  conversation(): { id: string; user: string };
  /** An analysis that lives. */
  analysis(): string;
  /** A conversation that was deleted, and its user. */
  deleted(): { id: string; user: string };
  financialRecord(): { id: string; user: string };
  /** A record of any of these entities that lives. */
  living(entity: EntityName): string;
  /** One that was deleted. */
  buried(entity: EntityName): string;
  /** An id that the primary has never known. */
  stranger(): string;
}

export type Value = string | number | null;

/** The shell of a database that understands SQL; values stand for question marks. */
export interface SqlShell {
  run(sql: string, ...values: Value[]): Promise<void>;
  /** Runs a statement that must change exactly one row. */
  one(sql: string, ...values: Value[]): Promise<void>;
  /** The first column of all rows. */
  values(sql: string, ...values: Value[]): Promise<unknown[]>;
  columns(table: string): Promise<string[]>;
}

/** All that a test does to the data of one version by hand. */
export interface Hands {
  /** Personal files are files on every kind of engine. */
  readonly files: Files;
  readonly primary: SqlShell;
  /** Statements in one transaction of the primary's shell. */
  write(...statements: string[]): Promise<void>;
  /** What the primary takes and some store can't, with the ids as they are parked, and how it is put right. */
  readonly unholdable: { readonly statements: readonly string[]; readonly parked: string[]; readonly cure: string[] };
  /** One of each kind, to every store. */
  damages(material: Material): Damage[];
  /** The lengths of vectors in the relational store. */
  embeddingLengths(): Promise<unknown[]>;
  /** How many conversations the document store has, as queries see them. */
  documents(): Promise<number>;
  close(): Promise<void>;
}

/** A damage to a record that is known before. */
export function damage(
  store: Role,
  entity: EntityName,
  id: string,
  kind: DriftKind,
  about: string,
  harm: () => Promise<unknown>,
): Damage {
  return {
    about: `${store}: ${about}`,
    async harm() {
      await harm();
      return { store, entity, id, kind };
    },
  };
}
