import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { packageFiles, stamp } from '@mindora/cli/bootstrap/install.mjs';
import { withLock } from '@mindora/cli/bootstrap/lock.mjs';
import { isNewEnough } from '@mindora/cli/bootstrap/toolchain.mjs';
import { summarise } from '../support/summary-reporter.mjs';
import { ROOT } from './source.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mindora-bootstrap-'));
});

afterEach(() => {
  jest.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

describe('the install lock', () => {
  it('lets one process in at a time', async () => {
    const log = join(folder, 'log');
    const lockModule = join(ROOT, 'scripts/bootstrap/lock.mjs');
    const script = `import { appendFileSync } from 'node:fs'; import { withLock } from '${lockModule}';
      await withLock('${join(folder, 'lock')}', async () => {
        appendFileSync('${log}', 'in '); await new Promise((wake) => setTimeout(wake, 20)); appendFileSync('${log}', 'out ');
      });`;
    const started = Array.from({ length: 5 }, () => spawn(process.execPath, ['--input-type=module', '-e', script]));
    const ends = await Promise.all(started.map((child) => once(child, 'exit')));
    expect(ends.map(([code]) => code)).toEqual([0, 0, 0, 0, 0]);
    expect(readFileSync(log, 'utf8')).toBe('in out '.repeat(5));
  });

  it('is taken over from a dead process', async () => {
    const dead = spawnSync(process.execPath, ['-e', '']).pid;
    const file = join(folder, 'lock');
    writeFileSync(file, String(dead));
    const said = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
    await expect(withLock(file, async () => readFileSync(file, 'utf8'))).resolves.toBe(String(process.pid));
    expect(said.mock.calls.flat()).toEqual([`bootstrap: taking over the lock of process ${dead}, which is gone\n`]);
    expect(existsSync(file)).toBe(false);
  });

  it('is released after a failure', async () => {
    const file = join(folder, 'lock');
    await expect(withLock(file, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(existsSync(file)).toBe(false);
  });
});

describe('the stamp of an installation', () => {
  beforeEach(() => {
    mkdirSync(join(folder, 'shared/one'), { recursive: true });
    writeFileSync(join(folder, 'pnpm-workspace.yaml'), 'packages: [core, shared/*]\n');
    for (const file of ['pnpm-lock.yaml', 'package.json', 'shared/one/package.json'])
      writeFileSync(join(folder, file), '');
  });

  it('covers the packages that exist', () => {
    expect(packageFiles(folder)).toEqual(['package.json', 'shared/one/package.json']);
  });

  it.each(['pnpm-lock.yaml', 'pnpm-workspace.yaml', 'shared/one/package.json'])('changes with %s', (file) => {
    const before = stamp(folder);
    expect(stamp(folder)).toBe(before);
    writeFileSync(join(folder, file), 'packages: [core, shared/*]\nchanged: true\n');
    expect(stamp(folder)).not.toBe(before);
  });
});

describe('the bootstrap', () => {
  it.each([
    ['20.20.2', false],
    ['24.10.0', false],
    ['24.11.0', true],
    ['26.0.0', true],
  ])('takes Node %s: %s', (version, taken) => {
    expect(isNewEnough(version)).toBe(taken);
  });

  it('passes the exit code on', () => {
    const { status } = spawnSync(process.execPath, ['scripts/bootstrap.mjs', 'node', '-e', 'process.exit(7)'], {
      cwd: ROOT,
    });
    expect(status).toBe(7);
  });

  it('starts Node without compiled wrappers of WebAssembly imports', () => {
    const script = 'console.log(process.execArgv.join())';
    const { stdout } = spawnSync(process.execPath, ['scripts/bootstrap.mjs', 'node', '-e', script], { cwd: ROOT });
    expect(String(stdout)).toContain('--wasm-wrapper-tiering-budget=1000000000');
  });

  it('passes signals on', async () => {
    const script = "process.on('SIGTERM', () => process.exit(5)); setInterval(() => {}, 1000);";
    const child = spawn(process.execPath, ['scripts/bootstrap.mjs', 'node', '-e', `${script} console.log('up')`], {
      cwd: ROOT,
    });
    await once(child.stdout, 'data');
    child.kill('SIGTERM');
    const [code] = await once(child, 'exit');
    expect(code).toBe(5);
  });

  it('names its commands when it is given another', () => {
    const { status, stderr } = spawnSync(process.execPath, ['scripts/bootstrap.mjs', 'nothing'], { cwd: ROOT });
    expect(status).toBe(1);
    expect(String(stderr)).toContain('no command "nothing"; there are start,');
  });
});

describe('the summary', () => {
  const totals = {
    numPassedTests: 3,
    numFailedTests: 1,
    numRuntimeErrorTestSuites: 0,
    numPendingTests: 0,
    numTodoTests: 0,
  };

  it.each([
    [{}, '3 passed, 1 failed'],
    [{ numRuntimeErrorTestSuites: 2 }, '3 passed, 3 failed'],
    [{ numPendingTests: 2, numTodoTests: 1 }, '3 passed, 1 failed, 3 skipped'],
  ])('of %j', (more, line) => {
    expect(summarise({ ...totals, ...more })).toBe(line);
  });
});
