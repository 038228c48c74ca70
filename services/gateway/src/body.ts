/** From the bytes of a body to a value that is safe to work with. Pure; the bounds keep its time short. */
import { type Json, parseJsonStrictly, UnsafeNumberError } from '@mindora/contracts';
import { MindoraError } from '@mindora/runtime';
import type { Limits } from './options.ts';

type Bounds = Pick<Limits, 'bodyDepthMax' | 'bodyValuesMax'>;

/**
 * Parses a JSON body.
 *
 * @throws MindoraError `unsafe_number` where a number would be rounded, else `invalid_request`; never with content
 */
export function parseBody(bytes: Buffer, bounds: Bounds): Json | undefined {
  if (bytes.length === 0) return undefined;
  const text = decode(bytes);
  measure(text, bounds);
  const value = parse(text);
  if (mayPoison.test(text)) inspect(value);
  return value;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function decode(bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw invalid('the body is not UTF-8', cause);
  }
}

function parse(text: string): Json {
  try {
    return parseJsonStrictly(text);
  } catch (cause) {
    if (cause instanceof UnsafeNumberError) throw new MindoraError('unsafe_number', undefined, { cause });
    // The parser's own message quotes the text.
    throw invalid('the body is not JSON');
  }
}

function invalid(message: string, cause?: unknown): MindoraError {
  return new MindoraError('invalid_request', message, { cause, data: { errors: [{ path: 'body', message }] } });
}

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;

/** Depth and number of values, before anything is built: what comes later recurses and visits each value. */
function measure(text: string, { bodyDepthMax, bodyValuesMax }: Bounds): void {
  let depth = 0;
  let values = 1;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === quote) at = endOfString(text, at);
    else if (unit === comma) values++;
    // [ and {, ] and } differ in one bit only.
    else if ((unit | 0x20) === 0x7b) {
      depth++;
      values++;
      if (depth > bodyDepthMax) throw invalid(`the body is nested more than ${bodyDepthMax} deep`);
    } else if ((unit | 0x20) === 0x7d) depth--;
  }
  if (values > bodyValuesMax) throw invalid(`the body has more than ${bodyValuesMax} values`);
}

function endOfString(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); at !== -1; at = text.indexOf('"', at + 1)) {
    let slashes = 0;
    while (text.charCodeAt(at - 1 - slashes) === backslash) slashes++;
    if (slashes % 2 === 0) return at;
  }
  return text.length;
}

/** An escape may spell any name, any half of a surrogate pair and NUL, so a text with escapes is looked at closely. */
const mayPoison = /__proto__|constructor|\\u/;

function inspect(root: Json): void {
  const waiting: Json[] = [root];
  for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
    if (typeof value === 'string') inspectText('text', value);
    if (typeof value !== 'object' || value === null) continue;
    if (!Array.isArray(value)) inspectNames(value);
    for (const member of Object.values(value)) waiting.push(member);
  }
}

function inspectText(what: string, text: string): void {
  if (!text.isWellFormed()) throw invalid(`a ${what} is not well-formed Unicode`);
  if (text.includes('\0')) throw invalid(`a ${what} holds the character NUL, which not every store can hold`);
}

function inspectNames(object: { [key: string]: Json }): void {
  for (const name of Object.keys(object)) {
    inspectText('name', name);
    if (name === '__proto__') throw invalid('the name __proto__ is not allowed');
    if (name === 'constructor' && hasPrototype(object[name])) {
      throw invalid('the name constructor.prototype is not allowed');
    }
  }
}

function hasPrototype(value: Json | undefined): boolean {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, 'prototype');
}
