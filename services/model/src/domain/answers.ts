/** What models answer, read with care: it may be anything. */
import { type Json, parseJson, textLengthMax } from '@mindora/contracts';
import { MindoraError } from '@mindora/runtime';

export interface Completion {
  readonly text: string;
  /** The model that answered, as it calls itself; null where it doesn't say. */
  readonly model: string | null;
  readonly usage: Usage;
}

export type Usage = { readonly [figure: string]: Json };

/** The answer to an analysis, in the form in which it is stored. */
export interface AnalysisAnswer {
  readonly result: {
    readonly skills: string[];
    readonly experience: { what: string; figure: string | null }[];
    readonly suggestions: string[];
    readonly summary: string;
  };
  readonly confidence: number | null;
}

type Fields = { readonly [name: string]: Json };

const listLengthMax = 200;
const entryLengthMax = 2000;
const summaryLengthMax = 20_000;

/** Reads a body of OpenAI's chat completions. @throws MindoraError `model_failed` */
export function parseCompletion(body: string): Completion {
  const answer = fieldsOf(jsonOf(body));
  const choices = answer.choices;
  const first = fieldsOf(Array.isArray(choices) ? (choices[0] ?? null) : null);
  const content = fieldsOf(first.message ?? null).content;
  if (typeof content !== 'string') throw failed('the answer holds no message');
  if (content.length > textLengthMax) throw failed('the answer is too long');
  const { model } = answer;
  return {
    text: content.toWellFormed(),
    model: typeof model === 'string' && model !== '' ? model.toWellFormed() : null,
    usage: usageOf(answer.usage ?? null),
  };
}

const counted = ['prompt_tokens', 'completion_tokens', 'total_tokens'];

/** Figures as they came; those that this API promises are left out where they are no counts. */
function usageOf(value: Json): Usage {
  const entries = Object.entries(fieldsOf(value));
  return Object.fromEntries(
    entries.filter(([name, figure]) => !counted.includes(name) || Number.isSafeInteger(figure)),
  );
}

/** Of a usage what is stored: the counts, and nothing of whatever else a provider adds. */
export function countsOf(usage: Usage): { [name: string]: Json } {
  return Object.fromEntries(Object.entries(usage).filter(([name]) => counted.includes(name)));
}

/**
 * Reads an analysis. Models wrap JSON into code fences and words; fields that are missing or of another kind become
 * empty ones.
 *
 * @throws MindoraError `model_failed` where there is no JSON object with any of the fields
 */
export function parseAnalysis(text: string): AnalysisAnswer {
  const answer = fieldsOf(jsonOf(text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1)));
  const known = ['skills', 'experience', 'suggestions', 'summary'];
  if (!known.some((name) => Object.hasOwn(answer, name))) throw failed('the answer is no analysis');
  return {
    result: {
      skills: [...new Set(listOf(answer.skills, nameOf))],
      experience: listOf(answer.experience, experienceOf),
      suggestions: listOf(answer.suggestions, nameOf),
      summary: shortText(answer.summary, summaryLengthMax) ?? '',
    },
    confidence: confidenceOf(answer.confidence_score),
  };
}

function listOf<T>(value: Json | undefined, entryOf: (entry: Json) => T | null): T[] {
  const list = Array.isArray(value) ? value.slice(0, listLengthMax) : [];
  return list.map(entryOf).filter((entry) => entry !== null);
}

function nameOf(entry: Json): string | null {
  return shortText(typeof entry === 'object' ? fieldsOf(entry).name : entry, entryLengthMax);
}

function experienceOf(entry: Json): { what: string; figure: string | null } | null {
  const { what, figure } = typeof entry === 'object' ? fieldsOf(entry) : { what: entry, figure: null };
  const text = shortText(what, entryLengthMax);
  return text === null ? null : { what: text, figure: shortText(figure, entryLengthMax) };
}

/** Null where there is none. */
function shortText(value: Json | undefined, lengthMax: number): string | null {
  if (typeof value !== 'string' && typeof value !== 'number') return null;
  const text = String(value).slice(0, lengthMax).toWellFormed().trim();
  return text === '' ? null : text;
}

/** From 0 to 1; per cent are made a fraction. */
function confidenceOf(value: Json | undefined): number | null {
  const given = typeof value === 'string' ? Number.parseFloat(value) : value;
  if (typeof given !== 'number' || !Number.isFinite(given) || given < 0 || given > 100) return null;
  return given > 1 ? given / 100 : given;
}

function jsonOf(text: string): Json {
  try {
    return parseJson(text);
  } catch (cause) {
    // The parser's message quotes the text, which must not get into a log.
    const reason = cause instanceof SyntaxError ? 'the answer is no JSON' : "the answer can't be read";
    throw failed(reason);
  }
}

function fieldsOf(value: Json): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
}

function failed(detail: string): MindoraError {
  return new MindoraError('model_failed', detail);
}
