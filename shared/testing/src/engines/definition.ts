import type { EngineName } from './port.ts';

/** One engine on one directory, as its definition sees it. */
export interface Run {
  /** Absolute; belongs to the user that the engine runs as. */
  readonly directory: string;
  /** Where the engine is installed; '' where the system's package serves. */
  readonly files: string;
  /** Its own port. */
  readonly port: number;
  /** By the names of {@link EngineDefinition.ports}. */
  readonly ports: Readonly<Record<string, number>>;
  /** Hexadecimal, so that it needs no quoting anywhere. */
  readonly password: string;
  readonly settings: Readonly<Record<string, string>>;
}

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** What a definition may do while it prepares a directory. */
export interface Preparation {
  /** Runs a command to its end, as the engine's user. @throws MindoraError with the end of its output */
  execute(command: Command): Promise<void>;
  /** Writes a file that only the engine's user reads. */
  write(name: string, content: string): Promise<void>;
  /** Makes a folder in the directory; its path. */
  folder(name: string): Promise<string>;
  /** Runs a server for as long as `work` takes; `work` itself waits until the server answers. */
  during(command: Command, work: () => Promise<void>): Promise<void>;
}

/** How an engine is installed: into a draft folder, which is renamed when it is complete. */
export interface Installation {
  /** Of the folder in the cache; changes with whatever is installed. */
  readonly version: string;
  install(draft: string, tools: InstallTools): Promise<void>;
}

export interface InstallTools {
  /** Runs a program to its end. `needs` says what to install where the program is missing. */
  run(file: string, args: readonly string[], needs: string, options?: RunOptions): Promise<void>;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

/** Everything that is particular to an engine. */
export interface EngineDefinition {
  readonly name: EngineName;
  /** Of its own package, or of the system's: binaries that must be there, and the package that brings them. */
  readonly installation: Installation | SystemPackage;
  /** Further ports that it needs, by name. */
  readonly ports?: readonly string[];
  /** Once a directory. */
  prepare?(run: Run, preparation: Preparation): Promise<void>;
  /** Files that follow its ports, written before every start. */
  configure?(run: Run, preparation: Preparation): Promise<void>;
  /** Started first and ended with the engine. */
  companion?(run: Run): Command;
  command(run: Run): Command;
  /** Asks it for its version, with the password; throws while it isn't ready. Resolves to the product's name. */
  ask(run: Run): Promise<string>;
  url(run: Run): string;
  addresses?(run: Run): Readonly<Record<string, string>>;
  /** SIGTERM without it. */
  readonly stopSignal?: NodeJS.Signals;
  readonly startTimeoutMs: number;
}

export interface SystemPackage {
  readonly package: string;
  readonly binary: string;
}
