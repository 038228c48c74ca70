import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TemporaryDirectory {
  readonly path: string;
  /** A path in it. */
  file(name: string): string;
  /** Removes it with all that is in it. Idempotent. */
  remove(): Promise<void>;
}

/** Makes an empty directory of its own for a test, which removes it in its `afterEach` or `finally`. */
export async function temporaryDirectory(): Promise<TemporaryDirectory> {
  const path = await mkdtemp(join(tmpdir(), 'mindora-test-'));
  return {
    path,
    file: (name) => join(path, name),
    remove: () => rm(path, { recursive: true, force: true, maxRetries: 3 }),
  };
}
