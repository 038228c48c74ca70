/** Content on its way: written to a file and hashed, so that nothing of it is seen before it is known to be right. */
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import type { Content } from './port.ts';

export interface Spooled {
  readonly size: number;
  readonly sha256: string;
}

/**
 * Writes content to a new file, which is on the disk when it resolves. On failure the file may be there in part.
 *
 * @throws what the content's stream or the file system throws
 */
export async function spool(content: Content, file: string): Promise<Spooled> {
  const handle = await open(file, 'wx', 0o600);
  try {
    const hash = createHash('sha256');
    let size = 0;
    for await (const chunk of chunksOf(content)) {
      hash.update(chunk);
      await writeAll(handle, chunk);
      size += chunk.length;
    }
    await handle.datasync();
    return { size, sha256: hash.digest('hex') };
  } finally {
    await handle.close();
  }
}

async function* chunksOf(content: Content): AsyncGenerator<Uint8Array> {
  if (content instanceof Uint8Array) yield content;
  else yield* content;
}

async function writeAll(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.length; ) at += (await handle.write(chunk, at)).bytesWritten;
}

/** Makes what was renamed into a folder last. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
