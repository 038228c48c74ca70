/**
 * All that the command line prints. Answers go to standard output, progress and messages to standard error, so that
 * `--json` can be piped.
 */
import type { Json } from '@mindora/contracts';

const reset = '\u001b[0m';
const colours = { red: '\u001b[31m', green: '\u001b[32m', yellow: '\u001b[33m', dim: '\u001b[2m', bold: '\u001b[1m' };

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value as Json, null, 2));
}

/** A line for people on standard error. */
export function tell(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Colours only where standard output is a terminal and NO_COLOR isn't set. */
export function paint(colour: keyof typeof colours, text: string): string {
  return process.stdout.isTTY && process.stdout.hasColors() ? `${colours[colour]}${text}${reset}` : text;
}

/** Columns as wide as their widest cell; cells of numbers to the right. */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const widths = head.map((name, column) =>
    Math.max(name.length, ...rows.map((row) => visibleLength(String(row[column] ?? '')))),
  );
  const line = (cells: readonly (string | number)[]): string =>
    cells
      .map((cell, column) => pad(String(cell), widths[column] ?? 0, typeof cell === 'number'))
      .join('  ')
      .trimEnd();
  return [paint('dim', line(head)), ...rows.map(line)].join('\n');
}

function pad(text: string, width: number, right: boolean): string {
  const space = ' '.repeat(Math.max(0, width - visibleLength(text)));
  return right ? space + text : text + space;
}

function visibleLength(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colour codes are what is to be left out
  return text.replaceAll(/\u001b\[[0-9;]*m/g, '').length;
}

export interface Progress {
  /** `done` of `total` (0: unknown), with a word on what is under way. */
  update(done: number, total: number, text?: string): void;
  end(): void;
}

const redrawMs = 80;
const plainEveryMs = 5000;
const barWidth = 28;

/** A bar on a terminal; elsewhere a plain line every five seconds. */
export function progress(title: string): Progress {
  const terminal = process.stderr.isTTY;
  const startedAt = performance.now();
  let drawnAt = terminal ? Number.NEGATIVE_INFINITY : startedAt;
  return {
    update(done, total, text = '') {
      const now = performance.now();
      if (now - drawnAt < (terminal ? redrawMs : plainEveryMs)) return;
      drawnAt = now;
      const state = total > 0 ? `${done}/${total} (${Math.floor((100 * done) / total)}%)` : String(done);
      const rate = `${Math.round((1000 * done) / Math.max(1, now - startedAt))}/s`;
      if (terminal) process.stderr.write(`\r\u001b[2K${title} ${bar(done, total)} ${state} ${rate} ${text}`);
      else tell(`${title} ${state} ${rate} ${text}`.trimEnd());
    },
    end() {
      if (terminal) process.stderr.write('\r\u001b[2K');
    },
  };
}

function bar(done: number, total: number): string {
  if (total <= 0) return '';
  const full = Math.round((barWidth * Math.min(done, total)) / total);
  return `[${'#'.repeat(full)}${'.'.repeat(barWidth - full)}]`;
}
