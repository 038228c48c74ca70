import { type CallMeta, encodePosition, entities, type Row } from '@mindora/contracts';
import { MindoraError } from '@mindora/runtime';
import { countsOf, parseAnalysis } from './answers.ts';
import { type CompletionPorts, complete, type Message } from './completions.ts';
import { type ModelDependencies, modelTimeoutMs } from './dependencies.ts';
import { findTarget, type ModelSettings } from './endpoints.ts';
import { sessionHistory } from './history.ts';
import { analysisMessages, chatMessages } from './prompts.ts';

export interface ChatRequest extends ModelSettings {
  readonly message: string;
  readonly session_id?: string | undefined;
  readonly user_id?: string | undefined;
}

export interface AnalysisRequest extends ModelSettings {
  readonly content: string;
  readonly analysis_type: string;
  readonly user_id?: string | undefined;
}

const concurrencyMax = 64;

/** Chats and analyses by a model, stored like any other (A1.12). */
export function modelUseCases(dependencies: ModelDependencies) {
  const { primary, clock, random } = dependencies;
  const history = sessionHistory(dependencies);
  const ask = asker(dependencies);
  return {
    async chat(request: ChatRequest, meta: CallMeta) {
      const userId = concerned(request, meta);
      const sessionId = request.session_id ?? random.id();
      const target = await findTarget(dependencies, 'chat', request);
      const earlier = request.session_id === undefined ? [] : await history.latest(userId, sessionId);
      const { text, model, usage } = await ask(target, chatMessages(earlier, request.message));
      const row = {
        id: random.id(),
        user_id: userId,
        session_id: sessionId,
        user_input: request.message,
        ai_response: text,
        model_name: storedModel(model, target.model),
        context: { source: 'chat', usage: countsOf(usage) },
      };
      const written = await primary.write([{ op: 'insert', entity: 'conversation', row }]);
      history.wrote(userId, sessionId, row.id);
      return {
        response: text,
        model: model ?? target.model,
        usage,
        conversation_id: row.id,
        session_id: sessionId,
        position: encodePosition(written),
      };
    },
    async analyze(request: AnalysisRequest, meta: CallMeta) {
      const userId = concerned(request, meta);
      const startedAt = clock.now();
      const target = await findTarget(dependencies, 'analysis', request);
      const { text, usage } = await ask(target, analysisMessages(request.analysis_type, request.content));
      const { result, confidence } = parseAnalysis(text);
      const row: Row = {
        id: random.id(),
        user_id: userId,
        analysis_type: request.analysis_type,
        input_content: request.content,
        analysis_result: { ...result },
        confidence_score: confidence,
        processing_time: Math.max(0, Math.round(clock.now() - startedAt)),
      };
      const written = await primary.write([{ op: 'insert', entity: 'analysis', row }]);
      return {
        analysis_id: String(row.id),
        analysis_result: result,
        confidence_score: confidence,
        usage,
        position: encodePosition(written),
      };
    },
  };
}

/** Asks, as long as not too many others do. */
function asker({ clock, random, timeoutMs, firstPauseMs, ...options }: ModelDependencies) {
  const ports: CompletionPorts = {
    clock,
    random,
    timeoutMs: timeoutMs ?? modelTimeoutMs,
    firstPauseMs: firstPauseMs ?? 250,
  };
  let running = 0;
  return async (target: Parameters<typeof complete>[0], messages: readonly Message[]) => {
    if (running >= (options.concurrencyMax ?? concurrencyMax)) {
      throw new MindoraError('overloaded', 'too many questions to the model at once');
    }
    running += 1;
    try {
      return await complete(target, messages, ports);
    } finally {
      running -= 1;
    }
  };
}

/** For the caller; an administrator also for another user. */
function concerned({ user_id }: { readonly user_id?: string | undefined }, { scope, principal }: CallMeta): string {
  const userId = scope ?? user_id ?? principal?.userId;
  if (userId === undefined) throw new MindoraError('unauthenticated');
  return userId;
}

/** What the model calls itself, as far as the column holds it: no control characters, not too long. */
function storedModel(name: string | null, asked: string): string {
  const { length } = entities.conversation.columns.model_name;
  const plain = (name ?? asked)
    .replace(/\p{Cc}/gu, '')
    .slice(0, length)
    .toWellFormed();
  return plain === '' ? asked.slice(0, length) : plain;
}
