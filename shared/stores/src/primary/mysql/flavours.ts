/** All that differs between MySQL and MariaDB. Everything else in this folder holds for both. */

export interface Flavour {
  readonly name: 'MySQL' | 'MariaDB';
  /** Bytes decide, and trailing spaces count: `utf8mb4_bin` pads with spaces on both, so that 'a' would equal 'a '. */
  readonly collation: string;
  /** The driver that TypeORM's schema builder takes the server for. */
  readonly schemaType: 'mysql' | 'mariadb';
  /** A CHECK constraint refuses a row. */
  readonly checkFailed: number;
  /** Locks the rows of the table `l` that nobody holds; the other table of the statement has none to lock. */
  readonly lockFree: string;
  /** A statement took longer than the server allows. */
  readonly tookTooLong: number;
}

const mysqlFlavour: Flavour = {
  name: 'MySQL',
  collation: 'utf8mb4_0900_bin',
  schemaType: 'mysql',
  checkFailed: 3819,
  lockFree: 'FOR UPDATE OF l SKIP LOCKED',
  tookTooLong: 3024,
};

const mariadbFlavour: Flavour = {
  name: 'MariaDB',
  collation: 'utf8mb4_nopad_bin',
  schemaType: 'mariadb',
  checkFailed: 4025,
  lockFree: 'FOR UPDATE SKIP LOCKED',
  tookTooLong: 1969,
};

/** Both, for what is asked before a server answered. */
export const flavours: readonly Flavour[] = [mysqlFlavour, mariadbFlavour];

/** The flavour by what `SELECT VERSION()` answers. */
export function flavourOf(version: string): Flavour {
  return /mariadb/i.test(version) ? mariadbFlavour : mysqlFlavour;
}

/** For people: "MariaDB 10.11.14". */
export function engineName(version: string): string {
  return `${flavourOf(version).name} ${/^[\d.]+/.exec(version)?.[0] ?? ''}`.trim();
}
