import { closeSync, openSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Preparation } from './definition.ts';
import { endWithin, execute, processTree, signal, startSupervised } from './processes.ts';
import { own } from './state.ts';

/** What a definition may do in a directory before its engine starts. */
export function preparation(directory: string): Preparation {
  return {
    execute: (command) => execute(command, directory),
    async write(name, content) {
      const path = join(directory, name);
      await writeFile(path, content, { mode: 0o600 });
      await own(path);
    },
    async folder(name) {
      const path = join(directory, name);
      await mkdir(path, { recursive: true, mode: 0o700 });
      await own(path);
      return path;
    },
    async during(command, work) {
      const log = openSync(join(directory, 'prepare.log'), 'a', 0o600);
      const frozen = join(directory, 'frozen.pids');
      const running = await startSupervised(command, { directory, log, frozen, watched: true });
      closeSync(log);
      try {
        await work();
      } finally {
        for (const pid of await processTree(running.pid)) signal(pid, 'SIGTERM');
        await endWithin(running, 20_000);
      }
    },
  };
}
