import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { parseJsonStrictly, UnsafeNumberError } from '@mindora/contracts';
import { batchItemsMax } from '@mindora/contracts/routes';
import { MindoraError } from '@mindora/runtime';
import { type Command, Option } from 'commander';
import type { Operations } from '../operations.ts';
import { print, printJson, progress, tell } from '../output.ts';
import { type CommonFlags, exitCodes, numberBetween, withJson, withOperations } from './command.ts';

interface ImportFlags extends CommonFlags {
  readonly type?: Kind;
  readonly batch: number;
}

type Kind = 'conversation' | 'analysis';

interface Line {
  /** Its place in the file, for people. */
  readonly place: number;
  /** Its number among the lines that aren't empty: part of its id, which empty lines must not change. */
  readonly number: number;
  readonly item: Record<string, unknown>;
}

interface Totals {
  stored: number;
  refused: number;
  lines: number;
}

/** A request stays well below the gateway's limit for bodies. */
const batchBytesMax = 4 * 1024 * 1024;

const refusalsShown = 20;

export function addImport(program: Command): void {
  withJson(program.command('import'))
    .description('load conversations or analyses from a file of JSON lines, through the API')
    .argument('<file>', 'one JSON object a line, as POST /api/v1/ai/conversation or .../analysis takes it')
    .addOption(
      new Option('--type <kind>', 'what the lines are; found out if left out').choices(['conversation', 'analysis']),
    )
    .option('--batch <n>', `lines a request (1-${batchItemsMax})`, numberBetween(1, batchItemsMax, true), 200)
    .addHelpText(
      'after',
      `
May be interrupted and started again: a line's id comes from its content and number, so what was stored already is
not stored twice.

Exit code: 0 all stored, 1 some refused (each is named on standard error).

Examples:
  mindora import conversations.jsonl
  mindora import analyses.jsonl --type analysis --json`,
    )
    .action((file: string, flags: ImportFlags) => withOperations(flags, (operations) => run(operations, file, flags)));
}

async function run(operations: Operations, file: string, flags: ImportFlags): Promise<number> {
  const found = await stat(file).catch((cause: unknown) => {
    throw new MindoraError('not_found', `no file ${file}`, { cause });
  });
  if (found.isDirectory()) throw new MindoraError('invalid_request', `${file} is a directory`);
  const { size } = found;
  const shown = progress('import');
  const totals: Totals = { stored: 0, refused: 0, lines: 0 };
  for await (const { lines, bytesRead } of batches(file, flags.batch, totals)) {
    await sendByKind(operations, lines, flags.type, totals);
    shown.update(totals.lines, estimate(totals.lines, bytesRead, size), `${totals.refused} refused`);
  }
  shown.end();
  if (flags.json === true) printJson({ status: 'success', ...totals });
  else print(`${totals.stored} stored, ${totals.refused} refused, of ${totals.lines} lines`);
  return totals.refused === 0 ? exitCodes.ok : exitCodes.failed;
}

function estimate(lines: number, bytesRead: number, size: number): number {
  return bytesRead >= size ? lines : Math.round((lines * size) / Math.max(1, bytesRead));
}

async function* batches(
  file: string,
  batchSize: number,
  totals: Totals,
): AsyncGenerator<{ lines: Line[]; bytesRead: number }> {
  let lines: Line[] = [];
  let bytes = 0;
  let bytesRead = 0;
  let place = 0;
  const input = createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY });
  for await (const line of input) {
    const length = Buffer.byteLength(line) + 1;
    bytesRead += length;
    place += 1;
    const text = place === 1 ? withoutMark(line) : line;
    if (text.trim() === '') continue;
    totals.lines += 1;
    if (lines.length > 0 && (lines.length >= batchSize || bytes + length > batchBytesMax)) {
      yield { lines, bytesRead };
      lines = [];
      bytes = 0;
    }
    const item = parseLine(text, place, totals);
    if (item === null) continue;
    lines.push({ place, number: totals.lines, item });
    bytes += length;
  }
  if (lines.length > 0) yield { lines, bytesRead };
}

/** Some editors begin a file with a byte order mark, which is no part of the JSON. */
function withoutMark(text: string): string {
  return text.startsWith('\uFEFF') ? text.slice(1) : text;
}

function parseLine(text: string, place: number, totals: Totals): Record<string, unknown> | null {
  try {
    const item: unknown = parseJsonStrictly(text);
    if (typeof item === 'object' && item !== null && !Array.isArray(item)) return item as Record<string, unknown>;
    refuse(totals, place, 'invalid_request', 'not a JSON object');
  } catch (error) {
    // The parser's own message would quote the line's content.
    if (error instanceof UnsafeNumberError) refuse(totals, place, 'unsafe_number', error.message);
    else refuse(totals, place, 'invalid_request', 'not JSON');
  }
  return null;
}

function refuse(totals: Totals, line: number, code: string, detail: string): void {
  totals.refused += 1;
  if (totals.refused <= refusalsShown) tell(`line ${line} refused, ${code}: ${detail}`);
  if (totals.refused === refusalsShown + 1) tell('further refusals are only counted');
}

async function sendByKind(
  operations: Operations,
  lines: Line[],
  fixed: Kind | undefined,
  totals: Totals,
): Promise<void> {
  const kindOf = (line: Line): Kind => fixed ?? ('analysis_type' in line.item ? 'analysis' : 'conversation');
  for (const kind of ['conversation', 'analysis'] as const) {
    const some = lines.filter((line) => kindOf(line) === kind);
    if (some.length > 0) await send(operations, kind, some, totals);
  }
}

async function send(operations: Operations, kind: Kind, lines: Line[], totals: Totals): Promise<void> {
  const idField = `${kind}_id`;
  const items = lines.map(({ number, item }) => ({ [idField]: lineId(kind, number, item), ...item }));
  const action = kind === 'conversation' ? 'conversation.createBatch' : 'analysis.createBatch';
  // The ids make the request repeatable: what a lost answer stored already is found to be there.
  const answer = await operations.call(action, { body: { items } }, { repeatable: true });
  const results = answer.results as { status: string; problem?: { code: string; detail: string } }[];
  results.forEach((result, index) => {
    if (result.status === 'success') totals.stored += 1;
    else refuse(totals, lines[index]?.place ?? 0, result.problem?.code ?? 'internal', result.problem?.detail ?? '');
  });
}

/** A name-based UUID (RFC 9562, version 8) of the line's number and content: the same line, the same record. */
export function lineId(kind: Kind, number: number, item: Record<string, unknown>): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([kind, number, item]))
    .digest();
  digest[6] = ((digest[6] ?? 0) & 0x0f) | 0x80;
  digest[8] = ((digest[8] ?? 0) & 0x3f) | 0x80;
  const hex = digest.subarray(0, 16).toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
