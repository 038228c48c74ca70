/** The archivist in its thread. */
import { Thread } from '@mindora/runtime';
import type { Archivist } from './ports.ts';

const threadModule = new URL('./thread.ts', import.meta.url);

/** Starts the thread for one task and ends it afterwards: it is rarely needed, and takes memory. */
export async function withArchivist<T>(task: (archivist: Archivist) => Promise<T>): Promise<T> {
  const thread = await Thread.start({ name: 'archivist', module: threadModule, data: null, restartsPerMinuteMax: 0 });
  try {
    return await task(thread.proxy<Archivist>());
  } finally {
    await thread.stop();
  }
}
