import type { Objects, PutOptions } from '@mindora/stores/objects/port';
import { read } from './content.ts';
import type { ObjectsDriver } from './driver.ts';

export interface ObjectsCase {
  readonly name: string;
  readonly run: (context: ObjectsContext) => Promise<void>;
}

export const plainText: PutOptions = { contentType: 'text/plain' };

/** What each case gets: a store with an empty bucket. */
export class ObjectsContext {
  readonly driver: ObjectsDriver;
  readonly directory: string;
  readonly bucket = 'reports';
  #store: Objects | null = null;

  constructor(driver: ObjectsDriver, directory: string) {
    this.driver = driver;
    this.directory = directory;
  }

  get store(): Objects {
    if (this.#store === null) throw new Error('the store is not open');
    return this.#store;
  }

  async open(): Promise<void> {
    this.#store = await this.driver.open(this.directory);
    await this.#store.createBucket(this.bucket);
  }

  async close(): Promise<void> {
    await this.#store?.close();
    this.#store = null;
  }

  async put(key: string, text: string): Promise<string> {
    return (await this.store.put(this.bucket, key, Buffer.from(text), plainText)).version;
  }

  async text(key: string, version?: string): Promise<string | null> {
    const found = await this.store.get(this.bucket, key, version === undefined ? {} : { version });
    return found === null ? null : (await read(found.content)).toString();
  }

  async keys(prefix = '', limit = 1000): Promise<string[]> {
    const keys: string[] = [];
    for (let after: string | null = null; ; ) {
      const page = await this.store.list(this.bucket, prefix, after, limit);
      keys.push(...page.objects.map(({ key }) => key));
      if (page.next === null) return keys;
      after = page.next;
    }
  }
}
