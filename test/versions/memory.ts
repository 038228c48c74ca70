/** Resident memory of processes with all that they started, looked at once a second. */
import { spawnSync } from 'node:child_process';

export interface MemoryFigures {
  readonly peakMb: number;
  readonly meanMb: number;
}

export interface MemoryWatch {
  /** By the pid that was given. */
  of(pid: number): MemoryFigures;
  /** Of all together, each moment for itself. */
  readonly total: () => MemoryFigures;
  stop(): void;
}

const everyMs = 1000;

/** Begins to look. Pages that processes share are counted for each. */
export function watchMemory(pids: readonly number[]): MemoryWatch {
  const samples: Map<number, number>[] = [];
  const look = (): void => void samples.push(residentKb(pids));
  look();
  const timer = setInterval(look, everyMs);
  return {
    of: (pid) => figuresOf(samples.map((sample) => sample.get(pid) ?? 0)),
    total: () => figuresOf(samples.map((sample) => [...sample.values()].reduce((sum, kb) => sum + kb, 0))),
    stop: () => clearInterval(timer),
  };
}

function figuresOf(kb: readonly number[]): MemoryFigures {
  const sum = kb.reduce((total, one) => total + one, 0);
  return { peakMb: Math.round(Math.max(...kb) / 1024), meanMb: Math.round(sum / Math.max(1, kb.length) / 1024) };
}

function residentKb(pids: readonly number[]): Map<number, number> {
  const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid=,rss='], { encoding: 'utf8' });
  const processes = stdout.split('\n').map((line) => line.trim().split(/\s+/).map(Number));
  const treeKb = (pid: number): number =>
    processes.reduce((sum, [id, parent, kb = 0]) => {
      if (id === pid) return sum + kb;
      return parent === pid && id !== undefined ? sum + treeKb(id) : sum;
    }, 0);
  return new Map(pids.map((pid) => [pid, treeKb(pid)]));
}
