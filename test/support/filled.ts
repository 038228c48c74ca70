/** A version with records of every kind, written by its primary's shell: also these must reach every store. */
import { join } from 'node:path';
import { expect } from '@jest/globals';
import type { EntityName } from '@mindora/contracts';
import type { TemporaryDirectory } from '@mindora/testing/plain';
import { type Expected, type Hands, handsIn, type Material } from './by-hand/index.ts';
import { temporaryData } from './data.ts';
import { mindora, mindoraJson, type RunningVersion, startVersion } from './version.ts';

const samples = join(import.meta.dirname, '../../samples');
const conversations = 240;
const others = 20;

/** What `verify --json` says, as far as it is looked at here. */
export interface Report {
  readonly agree: boolean;
  readonly stores: Readonly<Record<string, Readonly<Record<string, number>> & { error: { detail: string } | null }>>;
  readonly differences: readonly Expected[];
}

export interface Verdict {
  readonly code: number | null;
  readonly report: Report;
}

export interface Filled {
  readonly directory: TemporaryDirectory;
  readonly hands: Hands;
  readonly material: Material;
  /** Running; its tests may stop it and start others. */
  readonly version: RunningVersion;
  verify(...args: string[]): Promise<Verdict>;
  /** Holds verify to finding nothing. */
  expectAgreement(...args: string[]): Promise<void>;
}

/** Starts a version and fills it; every store agrees, and has seen deletions. */
export async function startFilled(): Promise<Filled> {
  const directory = await temporaryData();
  const version = await startVersion(directory.path);
  const hands = await handsIn(directory.path);
  try {
    return await fill({ directory, hands, version });
  } catch (error) {
    // Whoever waits for the next version's engines must not find this one on them.
    version.kill();
    await version.ended;
    await hands.close();
    throw error;
  }
}

async function fill({ directory, hands, version }: Pick<Filled, 'directory' | 'hands' | 'version'>): Promise<Filled> {
  const verify = async (...args: string[]): Promise<Verdict> => {
    const { code, json } = await mindoraJson(directory.path, ['verify', ...args]);
    return { code, report: json as unknown as Report };
  };
  const expectAgreement = async (...args: string[]): Promise<void> => expectAgreed(await verify(...args));
  await mindora(directory.path, ['import', join(samples, 'conversations.jsonl')]);
  await hands.write(...rows());
  await expectAgreement();
  await hands.write(...gone.map(({ table, ids }) => `DELETE FROM ${table} WHERE id LIKE '${ids}-%'`));
  await expectAgreement();
  return { directory, hands, material: freshMaterial(), version, verify, expectAgreement };
}

function expectAgreed({ code, report }: Verdict): void {
  const errors = Object.values(report.stores).map(({ error }) => error);
  expect({ code, errors: errors.filter((error) => error !== null), differences: report.differences }).toEqual({
    code: 0,
    errors: [],
    differences: [],
  });
}

/** Entities of the special databases, each with its rows. */
const special = {
  recommendation: (id: string) =>
    `INSERT INTO recommendations (id, user_id, kind, subject_id, score, reason)
     VALUES ('${id}', 'user-3', 'skill', 'of ${id}', 0.5, 'because')`,
  dao_vote: (id: string) =>
    `INSERT INTO dao_votes (id, proposal_id, user_id, choice, reason)
     VALUES ('${id}', 'proposal of ${id}', 'user-4', 'for', 'because')`,
  company: (id: string) =>
    `INSERT INTO companies (id, company_name, registration_number, industry)
     VALUES ('${id}', 'company ${id}', 'number of ${id}', 'music')`,
} as const;

/** What is deleted again after it has reached the stores. */
const gone = [
  { table: 'ai_conversations', ids: 'gone' },
  { table: 'recommendations', ids: 'gone-recommendation' },
  { table: 'dao_votes', ids: 'gone-dao_vote' },
  { table: 'companies', ids: 'gone-company' },
] as const;

function rows(): string[] {
  const statements: string[] = [];
  const talk = (id: string, user: string, question: string): void => {
    statements.push(
      `INSERT INTO ai_conversations (id, user_id, session_id, user_input, ai_response, model_name, context)
       VALUES ('${id}', '${user}', 's', '${question}', 'answer to ${id}', 'm', '{"n":1}')`,
    );
  };
  for (let n = 0; n < conversations; n++) talk(`talk-${n}`, `user-${n % 9}`, `question ${n} 问题`);
  for (let n = 0; n < others; n++) {
    talk(`gone-${n}`, 'user-2', `bye ${n}`);
    statements.push(
      `INSERT INTO ai_analysis_results (id, user_id, analysis_type, input_content, analysis_result, confidence_score)
       VALUES ('analysis-${n}', 'user-0', 'resume', 'text ${n}', '{"skills":["a"]}', ${0.1 + n / 97})`,
      `INSERT INTO financial_records (id, user_id, transaction_type, amount, transaction_date)
       VALUES ('money-${n}', 'user-1', 'income', '10.00', '2026-01-02')`,
      ...Object.entries(special).flatMap(([entity, row]) => [row(`${entity}-${n}`), row(`gone-${entity}-${n}`)]),
    );
  }
  return statements;
}

function freshMaterial(): Material {
  const counters = new Map<string, number>();
  const next = (name: string): string => {
    const count = counters.get(name) ?? 0;
    counters.set(name, count + 1);
    return `${name}-${count}`;
  };
  const conversation = (): { id: string; user: string } => {
    const user = `user-${(counters.get('talk') ?? 0) % 9}`;
    return { user, id: next('talk') };
  };
  return {
    conversation,
    deleted: () => ({ id: next('gone'), user: 'user-2' }),
    analysis: () => next('analysis'),
    financialRecord: () => ({ id: next('money'), user: 'user-1' }),
    living: (entity: EntityName) => (entity === 'conversation' ? conversation().id : next(entity)),
    buried: (entity: EntityName) => next(entity === 'conversation' ? 'gone' : `gone-${entity}`),
    stranger: () => next('stranger'),
  };
}

/** Differences as lines that can be compared. */
export function named(differences: readonly Expected[]): string[] {
  return differences.map(({ store, entity, id, kind }) => `${store} ${entity} ${id} ${kind}`).sort();
}
