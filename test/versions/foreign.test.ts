/** The search for another version's data finds what is planted, wherever it lies. */
import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type TemporaryDirectory, temporaryDirectory } from '@mindora/testing/plain';
import Database from 'better-sqlite3';
import { examineFiles, examineLabels, type Findings, newFindings } from './foreign.ts';
import type { Identity } from './traffic.ts';

const own: Identity = { name: 'future', marker: 'zq0123456789abcdef', ids: new Set([randomUUID()]) };
const other: Identity = { name: 'dao', marker: 'zqfedcba9876543210', ids: new Set([randomUUID()]) };
const [foreignId = ''] = other.ids;

let directory: TemporaryDirectory;

beforeEach(async () => {
  directory = await temporaryDirectory();
  mkdirSync(directory.file('deep/er'), { recursive: true });
  writeFileSync(directory.file('deep/own.log'), `a line of ${own.marker} and ${[...own.ids].join()}`);
});

afterEach(() => directory.remove());

function search(): Findings {
  const findings = newFindings();
  examineFiles(directory.path, own, [other], findings);
  return findings;
}

test('what is its own is not foreign, and was seen', () => {
  expect(search()).toMatchObject({ foreign: [], foreignCount: 0, ownCount: 1, files: 1 });
});

test.each([
  ['a marker in a log', 'x.log', `...${other.marker}...`],
  ['an id between other digits', 'x.bin', `\0ff${foreignId}00\0`],
  ['a name of a file', `${other.marker}.txt`, ''],
  ['beyond the first chunk', 'x.big', `${'x'.repeat(16 * 1024 * 1024 - 7)}${other.marker}`],
])('%s is found', (_what, name, content) => {
  writeFileSync(join(directory.path, 'deep/er', name), content, 'latin1');
  expect(search().foreignCount).toBeGreaterThan(0);
});

test('a value of a database is found, also as bytes', () => {
  const database = new Database(directory.file('deep/x.sqlite'));
  database.exec('CREATE TABLE notes (text TEXT, bytes BLOB)');
  database.prepare('INSERT INTO notes VALUES (?, ?)').run('y'.repeat(9000) + foreignId, Buffer.from(other.marker));
  database.close();
  const { foreign, values } = search();
  expect(values).toBe(2);
  expect(foreign).toEqual(
    expect.arrayContaining([expect.stringMatching(/x\.sqlite, notes: id/), expect.stringMatching(/notes: marker/)]),
  );
});

test('a log line or a metric that says it is of another is found', () => {
  const findings = newFindings();
  examineLabels('{"level":30,"version":"future"}\nmindora_up{version="future"} 1', 'log', own, findings);
  expect(findings.foreignCount).toBe(0);
  examineLabels('{"level":30,"version":"dao"}\nmindora_up{version="blockchain"} 1', 'log', own, findings);
  expect(findings.foreignCount).toBe(2);
});
