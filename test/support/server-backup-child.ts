/**
 * Restores a version's primary to a server as the command does, and ends itself as a power cut would before the given
 * step: SOURCE FOLDER STEP (0: runs to the end). Tells each step that it reaches.
 */
import type { BackupSource } from '@mindora/cli/backup/create';
import { restoreBackup } from '@mindora/cli/backup/restore';
import { systemClock, systemRandom } from '@mindora/runtime';
import { archivist } from './backups.ts';

const [source = '', folder = '', at = '0'] = process.argv.slice(2);

let count = 0;
const steps = {
  reached(step: string): void {
    count += 1;
    if (count === Number(at)) process.kill(process.pid, 'SIGKILL');
    process.send?.(step);
  },
};

process.umask(0o077);
const ports = { clock: systemClock(), random: systemRandom(), archivist, steps };
await restoreBackup(folder, JSON.parse(source) as BackupSource, { replace: true }, ports);
process.disconnect?.();
