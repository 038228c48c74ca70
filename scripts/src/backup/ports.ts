/** What backups and restores are given from outside. */
import type { Clock } from '@mindora/runtime';
import type { PrimaryLocation } from '@mindora/stores';
import type { FileDigest, PrimaryFacts } from './record.ts';

/** Told before each step that changes something on the disk, so that a test can end the process at any of them. */
export interface Steps {
  reached(step: string): void;
}

/** Nobody looks. */
export const unwatched: Steps = { reached: () => undefined };

/** The heavy work, done in a thread (rule 5). */
export interface Archivist {
  /** Copies a primary at one position to a new file, while it is written to. */
  copy(primary: PrimaryLocation, target: string): Promise<void>;
  /** Reads a copy through. @throws MindoraError `conflict` where it is damaged */
  inspect(file: string): Promise<PrimaryFacts>;
  digest(file: string): Promise<FileDigest>;
}

export interface BackupPorts {
  readonly clock: Clock;
  readonly archivist: Archivist;
  readonly steps: Steps;
  /** Told how much of the primary has been copied. */
  readonly onCopied?: (bytes: number, total: number) => void;
}
