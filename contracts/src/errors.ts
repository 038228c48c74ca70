/**
 * The one table of errors. Every problem document (RFC 9457) that the gateway sends, every error that crosses a
 * thread or a service, carries a code from here; documentation and the SDK are tested to be equal to it.
 *
 * `retryable`: the same request may succeed later, unchanged. `poison`: the content itself is at fault, so sync parks
 * the record instead of retrying it (requirements A4.5).
 */
export const errorTable = {
  invalid_request: { status: 400, title: 'The request is not valid', retryable: false, poison: false },
  unsafe_number: {
    status: 400,
    title: 'A number cannot be represented exactly; send it as a string',
    retryable: false,
    poison: false,
  },
  invalid_filter: { status: 400, title: 'The filter is not valid', retryable: false, poison: false },
  invalid_cursor: { status: 400, title: 'The cursor is not valid', retryable: false, poison: false },
  invalid_position: { status: 400, title: 'The position token is not valid', retryable: false, poison: false },
  unauthenticated: { status: 401, title: 'A valid API key or token is required', retryable: false, poison: false },
  wrong_credentials: { status: 401, title: 'Unknown user or wrong password', retryable: false, poison: false },
  forbidden: { status: 403, title: 'Not allowed', retryable: false, poison: false },
  not_found: { status: 404, title: 'Not found', retryable: false, poison: false },
  method_not_allowed: { status: 405, title: 'Method not allowed', retryable: false, poison: false },
  conflict: {
    status: 409,
    title: 'The record exists already or was changed meanwhile',
    retryable: false,
    poison: false,
  },
  parked: {
    status: 409,
    title: 'The record was refused by the store and is parked',
    retryable: false,
    poison: false,
  },
  user_erased: { status: 409, title: 'The user is being erased or was erased', retryable: false, poison: false },
  body_too_large: { status: 413, title: 'The body is too large', retryable: false, poison: false },
  unsupported_media_type: { status: 415, title: 'The body must be JSON', retryable: false, poison: false },
  record_refused: { status: 422, title: 'The store refuses this record', retryable: false, poison: true },
  too_many_requests: { status: 429, title: 'Too many requests', retryable: true, poison: false },
  internal: { status: 500, title: 'Internal error', retryable: false, poison: false },
  model_failed: { status: 502, title: 'The model endpoint failed', retryable: true, poison: false },
  model_not_configured: { status: 503, title: 'No model endpoint is configured', retryable: false, poison: false },
  ai_disabled: { status: 503, title: 'Model access is switched off', retryable: true, poison: false },
  maintenance: { status: 503, title: 'Maintenance: writes are refused for now', retryable: true, poison: false },
  too_many_users: { status: 503, title: 'Too many users at once', retryable: true, poison: false },
  overloaded: { status: 503, title: 'The queue is full, try again shortly', retryable: true, poison: false },
  store_unavailable: { status: 503, title: 'A store is not available', retryable: true, poison: false },
  embedder_unavailable: { status: 503, title: 'The embedding endpoint failed', retryable: true, poison: false },
  shutting_down: { status: 503, title: 'The service is shutting down', retryable: true, poison: false },
  position_timeout: {
    status: 504,
    title: 'The store has not reached the position in time',
    retryable: true,
    poison: false,
  },
} as const satisfies Record<string, ErrorFacts>;

export interface ErrorFacts {
  readonly status: number;
  readonly title: string;
  readonly retryable: boolean;
  readonly poison: boolean;
}

export type ErrorCode = keyof typeof errorTable;

/** All codes, in the order of the table. */
export const errorCodes = Object.keys(errorTable) as ErrorCode[];

/** The URI that names a kind of problem; the page of the documentation for it has the same ending. */
export function problemType(code: ErrorCode): string {
  return `https://mindora.dev/problems/${code.replaceAll('_', '-')}`;
}
