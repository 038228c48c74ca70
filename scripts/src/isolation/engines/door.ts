/** A server as somebody with credentials of another version meets it. One file an engine; each client is loaded late. */

export interface Credentials {
  readonly user: string;
  readonly password: string;
  /** Where they are known, for engines that keep accounts by database. */
  readonly database?: string;
}

/** What is attacked: a server's address, and what of it belongs to the victim. */
export interface Target {
  /** Its credentials in it are those of the victim. */
  readonly url: URL;
  readonly namespace: string;
  readonly redisDatabases: readonly number[];
}

export interface Entry {
  /** False: the server refused. */
  readonly entered: boolean;
  /** What answered, without content. */
  readonly answer: string;
}

export interface Door {
  /**
   * Tries to get at the victim's part of a server. Nothing is changed there. Null: without any credentials.
   *
   * @throws Error where the server neither lets in nor refuses
   */
  enter(target: Target, credentials: Credentials | null): Promise<Entry>;
  /** What tells this server from every other one, by the victim's own account; null: it doesn't say. */
  identity(target: Target): Promise<string | null>;
  /** Whether one of these words is anywhere in the victim's part; null: it can't be looked through. */
  holds(target: Target, words: readonly string[]): Promise<boolean | null>;
}

export const refused = (answer: string): Entry => ({ entered: false, answer });
export const entered = (answer: string): Entry => ({ entered: true, answer });

export const timeoutMs = 5000;
/** Of a store; what lies behind is not looked at. */
export const recordsMax = 20_000;
export const tablesMax = 200;

/** The victim's own credentials, as its address has them; null: it needs none. */
export function credentialsOf(url: URL): Credentials | null {
  const [user, password] = [decodeURIComponent(url.username), decodeURIComponent(url.password)];
  if (user === '' && password === '') return null;
  const database = decodeURIComponent(url.pathname.slice(1));
  return database === '' ? { user, password } : { user, password, database };
}

/** What every client needs of an address. */
export function placeOf(url: URL, standardPort: number): { host: string; port: number; database: string } {
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? standardPort : Number(url.port),
    database: decodeURIComponent(url.pathname.slice(1)),
  };
}
