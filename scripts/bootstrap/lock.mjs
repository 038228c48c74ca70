import { mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { BootstrapError, say } from './report.mjs';

const BEAT_MS = 1_000;
const POLL_MS = 100;
/** A holder that shows no life for so long is gone, even if another process has its number by now. */
const STALE_MS = 20_000;
const WAIT_MS_MAX = 15 * 60_000;

/** Runs `work` while no other process holds `file`; a lock left by a dead process is taken over. */
export async function withLock(file, work) {
  mkdirSync(dirname(file), { recursive: true });
  await acquire(file);
  const beat = setInterval(() => touch(file), BEAT_MS);
  beat.unref();
  const release = () => rmSync(file, { force: true });
  process.once('exit', release);
  try {
    return await work();
  } finally {
    clearInterval(beat);
    process.off('exit', release);
    release();
  }
}

async function acquire(file) {
  const deadline = Date.now() + WAIT_MS_MAX;
  let told = false;
  while (!tryCreate(file)) {
    const holder = readHolder(file);
    if (holder !== undefined && !isAlive(holder)) {
      takeOver(file);
      continue;
    }
    if (Date.now() > deadline) throw new BootstrapError(`waited too long for process ${holder?.pid}; remove ${file}`);
    if (!told && holder !== undefined) say(`waiting for process ${holder.pid}, which is installing`);
    told ||= holder !== undefined;
    await pause(POLL_MS);
  }
}

function tryCreate(file) {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

function readHolder(file) {
  try {
    return { pid: Number(readFileSync(file, 'utf8')), ageMs: Date.now() - statSync(file).mtimeMs };
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function isAlive({ pid, ageMs }) {
  if (ageMs > STALE_MS) return false;
  // The file exists before its content: a young empty one is being written.
  if (!Number.isInteger(pid) || pid <= 0) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Removing is a step of its own under a second lock: two who judged the same lock dead must not remove a new one. */
function takeOver(file) {
  const guard = `${file}.takeover`;
  if (!tryCreate(guard)) {
    const other = readHolder(guard);
    if (other !== undefined && !isAlive(other)) rmSync(guard, { force: true });
    return;
  }
  try {
    const holder = readHolder(file);
    if (holder !== undefined && !isAlive(holder)) {
      say(`taking over the lock of process ${holder.pid}, which is gone`);
      rmSync(file, { force: true });
    }
  } finally {
    rmSync(guard, { force: true });
  }
}

function touch(file) {
  try {
    const now = new Date();
    utimesSync(file, now, now);
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
}
