/** The command line, lived with: wrong options, odd files, several at once, and its exit codes (architecture, 5). */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { roles } from '@mindora/contracts';
import { type TemporaryDirectory, until } from '@mindora/testing/plain';
import { engineArguments, temporaryData } from '../support/data.ts';
import { type CommandResult, mindora, mindoraJson, type RunningVersion, startVersion } from '../support/version.ts';

const main = join(import.meta.dirname, '../../scripts/src/main.ts');

let directory: TemporaryDirectory;
let version: RunningVersion;

const run = (...args: string[]): Promise<CommandResult> => mindora(directory.path, args);

function fileOf(name: string, content: string): string {
  const file = join(directory.path, name);
  writeFileSync(file, content);
  return file;
}

function line(input: string, more: object = {}): string {
  return JSON.stringify({
    user_id: 'u1',
    session_id: 's',
    user_input: input,
    ai_response: 'a',
    model_name: 'm',
    ...more,
  });
}

/** A command that goes on until it is told to end. */
function start(...args: string[]): { child: ChildProcess; output(): string; ended: Promise<number | null> } {
  const child = spawn(process.execPath, [main, ...args, '--data', directory.path], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk;
  });
  child.stderr?.resume();
  return { child, output: () => output, ended: new Promise((resolve) => child.once('close', resolve)) };
}

beforeAll(async () => {
  directory = await temporaryData();
  version = await startVersion(directory.path);
});

afterAll(async () => {
  await version.stop();
  await directory.remove();
});

describe('wrong options', () => {
  test.each([
    [['verify', '--bogus'], 2, /unknown option/],
    [['verify', '--store', 'nope'], 2, /Allowed choices/],
    [['verify', '--wait', '-5'], 2, /from 0 to 3600/],
    [['verify', '--every', 'x', '--watch'], 2, /number from/],
    [['rebuild'], 1, /--store/],
    [['up', '--port', '99999'], 1, /from 0 to 65535/],
    [['import', 'file', '--batch', 'x'], 1, /number from/],
    [['bogus'], 1, /unknown command/],
  ])('%p is refused with %p', async (args, code, message) => {
    const result = await run(...args);
    expect([result.code, result.output]).toEqual([code, '']);
    expect(result.error).toMatch(message);
    expect(result.error).not.toMatch(/ at .*\.ts:/);
  });

  test('every command explains itself', async () => {
    const commands = ['up', 'import', 'verify', 'rebuild', 'touch', 'status', 'parked', 'erase', 'doctor'];
    const helps = await Promise.all(commands.map((command) => run(command, '--help')));
    for (const [index, { code, output }] of helps.entries()) {
      expect([commands[index], code]).toEqual([commands[index], 0]);
      expect(output).toMatch(/Usage: mindora/);
    }
  });

  test('no data is said so', async () => {
    const { code, error } = await mindora(join(directory.path, 'nowhere'), ['status']);
    expect([code, error]).toEqual([1, expect.stringMatching('there is no data of version future')]);
  });
});

describe('import', () => {
  test('names bad lines by their place, over empty lines, line ends and a byte order mark', async () => {
    const text = `\uFEFF${line('one')}\r\n\r\nnot json\r\n[1]\r\n{"user_id":"u1"}\r\n${line('two')}`;
    const { code, output, error } = await run('import', fileOf('bad.jsonl', text));
    expect([code, output]).toEqual([1, '2 stored, 3 refused, of 5 lines\n']);
    expect(error.match(/line \d+ refused/g)).toEqual(['line 3 refused', 'line 4 refused', 'line 5 refused']);
    expect(error).not.toMatch('not json');
  });

  test('of nothing is nothing, and of no file an error', async () => {
    const nothing = await run('import', fileOf('empty.jsonl', ''));
    expect([nothing.code, nothing.output]).toEqual([0, '0 stored, 0 refused, of 0 lines\n']);
    expect(await run('import', join(directory.path, 'none.jsonl'))).toMatchObject({ code: 1 });
    const { code, error } = await run('import', directory.path);
    expect([code, error]).toEqual([1, expect.stringMatching('is a directory')]);
  });

  test('refuses a huge line and goes on', async () => {
    const text = `${line('x'.repeat(6_000_000))}\n${'y'.repeat(9_000_000)}\n${line('after the huge ones')}\n`;
    expect(await mindoraJson(directory.path, ['import', fileOf('huge.jsonl', text)])).toMatchObject({
      code: 1,
      json: { stored: 1, refused: 2, lines: 3 },
    });
  });

  test('killed and begun again, stores nothing twice', async () => {
    const lines = Array.from({ length: 2000 }, (_, n) => line(`killed ${n}`, { user_id: 'u-killed' }));
    const file = fileOf('many.jsonl', lines.join('\n'));
    const records = async (): Promise<number> =>
      ((await mindoraJson(directory.path, ['status'])).json.primary as { records: number }).records;
    await run('verify');
    const before = await records();
    const first = start('import', file, '--batch', '20');
    await until(
      async () => (await records()) > before + 40,
      60_000,
      () => 'some lines',
    );
    first.child.kill('SIGKILL');
    await first.ended;
    expect(await mindoraJson(directory.path, ['import', file])).toMatchObject({
      code: 0,
      json: { stored: 2000, refused: 0 },
    });
    expect((await run('verify')).code).toBe(0);
    // A conversation and its embedding each.
    expect((await records()) - before).toBe(4000);
  });
});

describe('verify', () => {
  test('prints only JSON on standard output, with the keys of the contract', async () => {
    const { code, output } = await run('verify', '--json');
    const report = JSON.parse(output) as Record<string, unknown>;
    expect([code, report]).toEqual([
      0,
      expect.objectContaining({
        version: 'future',
        agree: true,
        scope: 'full',
        ledger: expect.objectContaining({ records: expect.any(Number), root: expect.any(String) }),
        took_ms: expect.any(Number),
        differences: [],
      }),
    ]);
    const number = expect.any(Number);
    const kinds = { missing: number, extra: number, stale: number, different: number, resurrected: number };
    const counts = { checked: number, ...kinds, pending: number, parked: number, repaired: number };
    expect(Object.keys(report.stores as object).sort()).toEqual([...roles].sort());
    for (const verdict of Object.values(report.stores as object))
      expect(verdict).toMatchObject({ engine: expect.any(String), ...counts });
  });

  test('counts embeddings of what was only just written, too', async () => {
    const lines = Array.from({ length: 400 }, (_, n) => line(`fresh ${n}`, { user_id: 'u-fresh' }));
    await run('import', fileOf('fresh.jsonl', lines.join('\n')));
    const { json } = await mindoraJson(directory.path, ['verify']);
    const stores = json.stores as Record<string, { checked: number }>;
    expect(stores.relational?.checked).toBe(2 * (stores.vectors?.checked ?? 0));
  });

  test('of some stores says nothing of others', async () => {
    const { code, output } = await run('verify', '--store', 'fulltext', 'graph', '--entity', 'conversation');
    expect(code).toBe(0);
    expect(output).toMatch(/^fulltext, graph agree with \d+ records/m);
    expect(output).not.toMatch(/every store|relational/);
  });

  test('runs twice at once, and beside a rebuild', async () => {
    const results = await Promise.all([run('verify'), run('verify'), run('rebuild', '--store', 'fulltext')]);
    expect(results.map(({ code }) => code)).toEqual([0, 0, 0]);
  });

  test('watches until it is interrupted, a JSON document a round', async () => {
    const watching = start('verify', '--watch', '--every', '0.1', '--json');
    await until(
      async () => (watching.output().match(/^}$/gm)?.length ?? 0) >= 2,
      120_000,
      () => watching.output(),
    );
    watching.child.kill('SIGINT');
    expect(await watching.ended).toBe(0);
    expect(watching.output().trimEnd()).toMatch(/}$/);
  });
});

describe('a version', () => {
  test('has one process at a time, and a taken port is named', async () => {
    const second = await run('up', '--port', '0', ...engineArguments(directory.path));
    expect([second.code, second.error]).toEqual([1, expect.stringMatching('is running already')]);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const { code, error } = await mindora(join(directory.path, 'other'), ['up', '--port', String(port)]);
    server.close();
    expect([code, error]).toEqual([1, expect.stringMatching(`port ${port} of 127.0.0.1 is taken`)]);
  });

  test('is looked through by doctor, who names what is open to others', async () => {
    expect((await run('doctor')).code).toBe(0);
    const key = join(directory.path, 'future/admin.key');
    chmodSync(key, 0o644);
    const { code, output } = await run('doctor');
    chmodSync(key, 0o600);
    expect([code, output]).toEqual([1, expect.stringMatching(/permissions of admin\.key +NOT OK +0644/)]);
  });

  test('erases a user twice, and one that never was', async () => {
    for (const user of ['u-fresh', 'u-fresh', 'nobody']) {
      expect((await run('erase', '--user', user)).code).toBe(0);
    }
    expect((await run('verify')).code).toBe(0);
  });

  test('that is stopped answers status, verify and touch without a word of its log', async () => {
    expect(await version.stop()).toBe(0);
    const status = await run('status');
    expect([status.code, status.error]).toEqual([0, '']);
    expect((await run('touch', '--entity', 'conversation', '--store', 'graph')).code).toBe(0);
    const { code, error } = await run('verify', '--json');
    expect([code, error]).toEqual([0, '']);
    version = await startVersion(directory.path);
  });

  test('ends at once with the second interrupt, and is whole afterwards', async () => {
    process.kill(version.pid, 'SIGINT');
    process.kill(version.pid, 'SIGINT');
    await version.ended;
    version = await startVersion(directory.path);
    expect((await run('verify')).code).toBe(0);
  });
});
