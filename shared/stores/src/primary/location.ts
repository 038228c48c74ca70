/** Where a primary is. */

/**
 * A file of SQLite, or a database on a server of MySQL or MariaDB that exists already:
 * `mysql://user:password@host:3306/database`. Plain data, so that it crosses into a thread.
 */
export type PrimaryLocation =
  | { readonly kind?: 'sqlite'; readonly file: string }
  | {
      readonly kind: 'mysql';
      readonly url: string;
      /** Settings that could lose what was acknowledged don't keep the server from being used. */
      readonly allowUnsafe?: boolean;
    };
