import { dottedName, isNode, type Node, type Source } from './source.ts';

export const FILE_LINES_MAX = 500;
export const FUNCTION_LINES_MAX = 80;

const FUNCTIONS =
  /^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression|ClassMethod|MethodProperty|Constructor)$/;
/** Spelled in two halves, so that this file passes its own test. */
const LEFTOVER = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX'].join('|')})\\b`);
const SUITE = /^describe\b/;
const FOCUSED = /^(describe|it|test)(\.\w+)*\.(only|skip)\b|^(fdescribe|fit|xdescribe|xit|xtest)$/;
const SLEEPS = /^(setTimeout|sleep|delay|pause|Atomics\.wait)$/;

/** All that is untidy, each as "path:line: what is wrong". */
export function findUntidy(sources: readonly Source[]): string[] {
  return sources.flatMap((source) => {
    const faults = [...longFile(source), ...longFunctions(source), ...leftovers(source)];
    if (source.path.endsWith('.test.ts')) faults.push(...unfitForTests(source));
    return faults.map(({ line, what }) => `${source.path}:${line}: ${what}`);
  });
}

interface Fault {
  readonly line: number;
  readonly what: string;
}

function longFile({ text }: Source): Fault[] {
  const lines = text.trimEnd().split('\n').length;
  return lines > FILE_LINES_MAX ? [{ line: lines, what: `${lines} lines (at most ${FILE_LINES_MAX})` }] : [];
}

/** The body of a suite isn't a function that does something: its tests are counted one by one. */
function longFunctions(source: Source): Fault[] {
  const suites = new Set(source.nodes.filter(isSuiteCall).flatMap(argumentsOf));
  const lineOf = lineFinder(source.text);
  return source.nodes.flatMap((node) => {
    if (!FUNCTIONS.test(node.type) || node.span === undefined || suites.has(node)) return [];
    const line = lineOf(node.span.start);
    const lines = lineOf(node.span.end) - line + 1;
    return lines > FUNCTION_LINES_MAX
      ? [{ line, what: `a function of ${lines} lines (at most ${FUNCTION_LINES_MAX})` }]
      : [];
  });
}

function leftovers({ text }: Source): Fault[] {
  return text.split('\n').flatMap((content, index) => {
    const found = LEFTOVER.exec(content);
    return found === null ? [] : [{ line: index + 1, what: `${found[0]} left over` }];
  });
}

function unfitForTests(source: Source): Fault[] {
  const lineOf = lineFinder(source.text);
  return source.nodes.flatMap((node) => {
    const what = unfit(node);
    return what === undefined ? [] : [{ line: lineOf(node.span?.start ?? 1), what }];
  });
}

function unfit(node: Node): string | undefined {
  // Of `it.only.each([])('...')` the inner call is the one to tell of.
  if (node.type !== 'CallExpression' || isCurried(node)) return undefined;
  const name = calleeName(node);
  if (FOCUSED.test(name)) return `${name}: a test is run always or not there`;
  return SLEEPS.test(name) ? `${name}: wait for a signal, or poll to a deadline` : undefined;
}

function isCurried(node: Node): boolean {
  return isNode(node.callee) && node.callee.type === 'CallExpression';
}

function isSuiteCall(node: Node): boolean {
  return node.type === 'CallExpression' && SUITE.test(calleeName(node));
}

/** The dotted name of what is called, through calls and template tags: `it.each([])('...')` is `it.each`. */
function calleeName(node: Node): string {
  let callee: unknown = node.callee;
  while (isNode(callee) && (callee.type === 'CallExpression' || callee.type === 'TaggedTemplateExpression')) {
    callee = callee.type === 'CallExpression' ? callee.callee : callee.tag;
  }
  return dottedName(callee) ?? '';
}

function argumentsOf(node: Node): Node[] {
  return (node.arguments as { expression: Node }[]).map(({ expression }) => expression);
}

/** Spans count bytes from 1. */
function lineFinder(text: string): (position: number) => number {
  const bytes = Buffer.from(text);
  const starts = [0];
  for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, at + 1)) starts.push(at + 1);
  return (position) => {
    const next = starts.findIndex((start) => start > position - 1);
    return next === -1 ? starts.length : next;
  };
}
