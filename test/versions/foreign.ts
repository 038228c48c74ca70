/** Looks for one version's data in all that another one has: bytes of files, values of databases, texts. */
import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { Identity } from './traffic.ts';

export interface Findings {
  /** What of others was found where; at most some. */
  readonly foreign: string[];
  foreignCount: number;
  /** Places in which the own marker was found: a search that finds nothing of its own is blind. */
  ownCount: number;
  /** What was looked through. */
  files: number;
  bytes: number;
  values: number;
}

const namedMax = 20;
const chunkBytes = 16 * 1024 * 1024;
/** Longer than a marker or an id, so that none is cut in two. */
const overlapBytes = 64;
const idPattern = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;

export function newFindings(): Findings {
  return { foreign: [], foreignCount: 0, ownCount: 0, files: 0, bytes: 0, values: 0 };
}

/** Looks through a text for the markers and ids of others. */
export function examine(
  text: string,
  where: string,
  own: Identity,
  others: readonly Identity[],
  findings: Findings,
): void {
  if (text.includes(own.marker)) findings.ownCount += 1;
  for (const { name, marker } of others) {
    if (text.includes(marker)) note(findings, `${where}: marker of ${name}`);
  }
  for (const [id] of text.matchAll(idPattern)) {
    const owner = others.find(({ ids }) => ids.has(id));
    if (owner !== undefined) note(findings, `${where}: id ${id} of ${owner.name}`);
  }
}

function note(findings: Findings, what: string): void {
  findings.foreignCount += 1;
  if (findings.foreign.length < namedMax) findings.foreign.push(what);
}

/** Every file below a directory: its bytes, and where it is a database of SQLite, each value of each table. */
export function examineFiles(directory: string, own: Identity, others: readonly Identity[], findings: Findings): void {
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    findings.files += 1;
    examine(path, `name of ${path}`, own, others, findings);
    examineBytes(path, own, others, findings);
    if (/\.sqlite$/.test(path)) examineDatabase(path, own, others, findings);
  }
}

function examineBytes(path: string, own: Identity, others: readonly Identity[], findings: Findings): void {
  const file = openSync(path, 'r');
  const buffer = Buffer.alloc(chunkBytes);
  let rest = '';
  for (let read = readSync(file, buffer); read > 0; read = readSync(file, buffer)) {
    const text = rest + buffer.toString('latin1', 0, read);
    examine(text, path, own, others, findings);
    findings.bytes += read;
    rest = text.slice(-overlapBytes);
  }
  closeSync(file);
}

/** A value may lie on several pages of the file, with other bytes between. */
function examineDatabase(path: string, own: Identity, others: readonly Identity[], findings: Findings): void {
  const database = new Database(path, { readonly: true });
  const tables = database
    .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'")
    .pluck()
    .all() as string[];
  for (const table of tables) {
    for (const row of database
      .prepare(`SELECT * FROM "${table.replaceAll('"', '""')}"`)
      .raw()
      .iterate()) {
      for (const value of row as unknown[]) {
        const text = Buffer.isBuffer(value) ? value.toString('latin1') : value;
        if (typeof text !== 'string') continue;
        findings.values += 1;
        examine(text, `${path}, ${table}`, own, others, findings);
      }
    }
  }
  database.close();
}

/** A log in which each line says whose it is, and `/metrics`, whose labels do: names of other versions. */
export function examineLabels(text: string, where: string, own: Identity, findings: Findings): void {
  for (const [, name] of text.matchAll(/"?version"?[=:]"(future|dao|blockchain)"/g)) {
    if (name !== own.name) note(findings, `${where}: says it is of ${name}`);
  }
}
