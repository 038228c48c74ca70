import type { Role } from '@mindora/contracts';
import type { ApplyItem, Target } from '@mindora/stores';

/** What the suite needs of an engine. `module` is this driver's own file: children load it to open the same store. */
export interface TargetDriver {
  readonly module: URL;
  /** Opens the store of a role in a directory, made where it is new, for vectors of `sampleDimensions`. */
  open(role: Role, directory: string): Promise<Target>;
  /** Whether the role's own queries find a record. */
  sees?(target: Target, item: ApplyItem): Promise<boolean>;
  /** Makes sync forget a record that stays in the engine, as if somebody else had written it. The store is closed. */
  tamper?(role: Role, directory: string, item: ApplyItem): Promise<void>;
}

/** What is declared of an engine: the only reasons for which a case may be skipped. */
export interface TargetFeatures {
  /** As in the store's capabilities. */
  readonly volatile: boolean;
  /** As in the store's capabilities: 0 where it holds no vectors. */
  readonly dimensions: number;
  /** Refuses a document whose fields aren't of their declared types. */
  readonly checksTypes: boolean;
  /** Has no NUL in any text, as PostgreSQL: a record that holds one is refused. */
  readonly refusesNul?: boolean;
  /** Its decimals have two digits behind the point, as a column of DECIMAL(20,2) has; others are refused. */
  readonly fixedDecimals?: boolean;
}

export interface TargetFacts extends TargetFeatures {
  readonly role: Role;
  readonly driver: TargetDriver;
}
