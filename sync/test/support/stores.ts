import { mkdirSync } from 'node:fs';
import { type Role, roles } from '@mindora/contracts';
import { Thread } from '@mindora/runtime';
import type { Target } from '@mindora/stores';
import { connectStore, createStore, type StoreThreadData, storeThreadModule } from '@mindora/stores/create';
import { testDimensions } from './world.ts';

/** The embedded stores of all roles in a directory, each in its folder, in this thread. */
export async function embeddedTargets(directory: string, dimensions = testDimensions): Promise<Map<Role, Target>> {
  const targets = new Map<Role, Target>();
  for (const role of roles) {
    const folder = folderOf(directory, role);
    targets.set(role, await createStore(role, { directory: folder, dimensions }));
  }
  return targets;
}

export function folderOf(directory: string, role: Role): string {
  const folder = `${directory}/${role}`;
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** The same stores in threads of their own. */
export async function storeThreads(directory: string, dimensions = testDimensions) {
  const threads = new Map<Role, Thread>();
  const targets = new Map<Role, Target>();
  for (const role of roles) {
    const data: StoreThreadData = { role, directory: folderOf(directory, role), dimensions };
    const thread = await Thread.start({ name: role, module: storeThreadModule, data });
    threads.set(role, thread);
    targets.set(role, await connectStore(role, thread));
  }
  const stop = async (): Promise<void> => {
    await Promise.all([...threads.values()].map((thread) => thread.stop()));
  };
  return { threads, targets, stop };
}
