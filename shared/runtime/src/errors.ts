import { type ErrorCode, type ErrorFacts, errorTable, problemType } from '@mindora/contracts';

/** An error of the one table (contracts/src/errors.ts). `detail` is for people and never holds content or secrets. */
export class MindoraError extends Error {
  readonly code: ErrorCode;
  /** Facts for programs, e.g. the fields that are wrong. */
  readonly data: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, detail?: string, options: { cause?: unknown; data?: Record<string, unknown> } = {}) {
    super(detail ?? errorTable[code].title, options.cause === undefined ? {} : { cause: options.cause });
    this.name = 'MindoraError';
    this.code = code;
    this.data = options.data ?? {};
  }

  get facts(): ErrorFacts {
    return errorTable[this.code];
  }

  get retryable(): boolean {
    return this.facts.retryable;
  }

  get poison(): boolean {
    return this.facts.poison;
  }
}

/** Any thrown value as an error of the table; what is unknown becomes `internal` with its cause. */
export function toMindoraError(thrown: unknown): MindoraError {
  if (thrown instanceof MindoraError) return thrown;
  const plain = thrown as { code?: unknown; message?: unknown; data?: unknown } | null;
  // Across module realms (test runners, threads) instanceof fails, the code does not.
  if (typeof plain?.code === 'string' && Object.hasOwn(errorTable, plain.code)) {
    return new MindoraError(plain.code as ErrorCode, String(plain.message ?? ''), {
      cause: thrown,
      data: (plain.data as Record<string, unknown>) ?? {},
    });
  }
  return new MindoraError('internal', undefined, { cause: thrown });
}

/** An RFC 9457 problem document. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly instance?: string;
  readonly [extension: string]: unknown;
}

export function toProblem(error: MindoraError, instance?: string): Problem {
  return {
    ...error.data,
    type: problemType(error.code),
    title: error.facts.title,
    status: error.facts.status,
    detail: error.message,
    code: error.code,
    retryable: error.retryable,
    ...(instance === undefined ? {} : { instance }),
  };
}
