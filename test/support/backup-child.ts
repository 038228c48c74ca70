/**
 * Backs up, restores, rolls back or settles a version as the commands do, and ends itself as a power cut would before
 * the given step: MODE DIRECTORY FOLDER STEP (0: runs to the end). Tells each step that it reaches.
 */
import { createBackup } from '@mindora/cli/backup/create';
import { settle } from '@mindora/cli/backup/exchange';
import type { Steps } from '@mindora/cli/backup/ports';
import { restoreBackup } from '@mindora/cli/backup/restore';
import { rollBack } from '@mindora/cli/backup/rollback';
import { filesOf } from '@mindora/cli/compose/files';
import { systemClock, systemRandom } from '@mindora/runtime';
import { archivist } from './backups.ts';

const [mode = '', directory = '', folder = '', at = '0'] = process.argv.slice(2);
const files = filesOf(directory);

let count = 0;
const steps: Steps = {
  reached(step) {
    count += 1;
    if (count === Number(at)) process.kill(process.pid, 'SIGKILL');
    process.send?.(step);
  },
};
const ports = { clock: systemClock(), random: systemRandom(), archivist, steps };
const place = { version: 'future', files, primary: { file: files.primary }, manifest: '{}\n' };
const source = { ...place, bus: { kind: 'embedded', file: files.bus } as const, backups: folder };

process.umask(0o077);
if (mode === 'backup') await createBackup(source, 'command', ports);
if (mode === 'restore') await restoreBackup(folder, source, {}, ports);
if (mode === 'rollback') await rollBack(source, null, ports);
if (mode === 'settle') settle(files, steps);
process.disconnect?.();
